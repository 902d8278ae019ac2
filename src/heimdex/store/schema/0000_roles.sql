-- Roles, the extension, the schema and what each role may do. It runs as the admin login; every later file
-- runs as heimdex_owner. Roles belong to the whole server, so they may be there already, and another
-- database of the same server may be making them at this moment.
DO $roles$
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'heimdex_owner') THEN
            CREATE ROLE heimdex_owner NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'heimdex_app') THEN
            CREATE ROLE heimdex_app LOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    -- From PostgreSQL 16 on, who makes a role may administer it, but not act as it without this.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT heimdex_owner TO CURRENT_USER;
    END IF;
END
$roles$;

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;

CREATE SCHEMA IF NOT EXISTS heimdex AUTHORIZATION heimdex_owner;

SET LOCAL ROLE heimdex_owner;
GRANT USAGE ON SCHEMA heimdex TO heimdex_app;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA heimdex GRANT EXECUTE ON FUNCTIONS TO heimdex_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA heimdex GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO heimdex_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA heimdex GRANT USAGE ON SEQUENCES TO heimdex_app;

CREATE TABLE heimdex.migration (
    name        text PRIMARY KEY,               -- the file's name, e.g. 0001_tables.sql
    sha256      text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
);
REVOKE INSERT, UPDATE, DELETE ON heimdex.migration FROM heimdex_app;
