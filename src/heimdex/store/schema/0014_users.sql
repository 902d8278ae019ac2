-- Users, their sessions and keys. They are needed before it is known whose library is asked for, so names and
-- hashes are unique in the whole installation, and each look-up goes through one function below. Everything else
-- is bound to an owner as in all tenant tables. Several users may share one owner: a team's library.

CREATE TABLE heimdex.app_user (
    owner_id       uuid NOT NULL,
    user_id        uuid NOT NULL UNIQUE,
    name           text NOT NULL CHECK (name <> ''),
    name_key       text NOT NULL UNIQUE,       -- NFKC and case folded, made in Python
    role           text NOT NULL CHECK (role IN ('member', 'admin')),
    is_active      boolean NOT NULL DEFAULT true,
    password_hash  text,                       -- argon2id; NULL: signs in through a provider only
    oidc_issuer    text,
    oidc_subject   text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    signed_in_at   timestamptz,
    PRIMARY KEY (owner_id, user_id),
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL)),
    UNIQUE (oidc_issuer, oidc_subject)
);

CREATE TABLE heimdex.app_session (
    owner_id    uuid NOT NULL,
    token_hash  bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id     uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (owner_id, token_hash),
    FOREIGN KEY (owner_id, user_id) REFERENCES heimdex.app_user ON DELETE CASCADE
);
CREATE INDEX app_session_user ON heimdex.app_session (owner_id, user_id);

CREATE TABLE heimdex.api_key (
    owner_id    uuid NOT NULL,
    key_id      uuid NOT NULL,
    user_id     uuid,                          -- NULL: of the library itself, made where nobody signs in
    name        text NOT NULL CHECK (name <> ''),
    key_hash    bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    hint        text NOT NULL,                 -- its first characters, to tell keys apart
    scopes      text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'admin'] AND cardinality(scopes) > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    used_at     timestamptz,
    revoked_at  timestamptz,
    PRIMARY KEY (owner_id, key_id),
    FOREIGN KEY (owner_id, user_id) REFERENCES heimdex.app_user ON DELETE CASCADE
);
CREATE INDEX api_key_user ON heimdex.api_key (owner_id, user_id);

DO $policies$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['app_user', 'app_session', 'api_key']
    LOOP
        EXECUTE format('ALTER TABLE heimdex.%I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE heimdex.%I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY tenant ON heimdex.%I '
            'USING (owner_id = NULLIF(current_setting(''heimdex.owner'', true), '''')::uuid) '
            'WITH CHECK (owner_id = NULLIF(current_setting(''heimdex.owner'', true), '''')::uuid)',
            tenant_table);
        -- The functions below run as heimdex_owner, which a forced policy binds as well.
        EXECUTE format(
            'CREATE POLICY look_up ON heimdex.%I FOR SELECT TO heimdex_owner USING (true)', tenant_table);
    END LOOP;
END
$policies$;

-- Attempts to sign in, by a hash of the name, the address, or both: when the bucket will be full again
-- (generic cell rate algorithm). Of the installation.
CREATE TABLE heimdex.sign_in_bucket (
    bucket   bytea PRIMARY KEY CHECK (length(bucket) = 32),
    full_at  timestamptz NOT NULL
);
CREATE INDEX sign_in_bucket_full ON heimdex.sign_in_bucket (full_at);

-- The token by which the first user is made, while there is none. Of the installation.
CREATE TABLE heimdex.set_up_token (
    is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    token_hash  bytea NOT NULL CHECK (length(token_hash) = 32),
    expires_at  timestamptz NOT NULL
);

CREATE FUNCTION heimdex.users_exist() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT EXISTS (SELECT FROM heimdex.app_user)
$function$;

CREATE FUNCTION heimdex.all_users() RETURNS SETOF heimdex.app_user
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT * FROM heimdex.app_user
$function$;

CREATE FUNCTION heimdex.user_by_name(wanted text) RETURNS SETOF heimdex.app_user
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT * FROM heimdex.app_user u WHERE u.name_key = wanted
$function$;

CREATE FUNCTION heimdex.user_by_id(wanted uuid) RETURNS SETOF heimdex.app_user
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT * FROM heimdex.app_user u WHERE u.user_id = wanted
$function$;

CREATE FUNCTION heimdex.user_by_subject(issuer text, subject text) RETURNS SETOF heimdex.app_user
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT * FROM heimdex.app_user u WHERE u.oidc_issuer = issuer AND u.oidc_subject = subject
$function$;

-- Who a session belongs to: nobody where it is over, or its user may not come in any more.
CREATE FUNCTION heimdex.session_by_hash(wanted bytea, idle_s double precision)
RETURNS TABLE (owner_id uuid, user_id uuid, name text, role text, seen_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT u.owner_id, u.user_id, u.name, u.role, s.seen_at
      FROM heimdex.app_session s
      JOIN heimdex.app_user u ON u.owner_id = s.owner_id AND u.user_id = s.user_id
     WHERE s.token_hash = wanted AND u.is_active
       AND s.expires_at > now() AND s.seen_at > now() - make_interval(secs => idle_s)
$function$;

-- What a key allows, and whose it is. `role` is NULL for a key of the library itself.
CREATE FUNCTION heimdex.key_by_hash(wanted bytea)
RETURNS TABLE (owner_id uuid, key_id uuid, user_id uuid, name text, scopes text[], role text,
               used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT k.owner_id, k.key_id, k.user_id, k.name, k.scopes, u.role, k.used_at
      FROM heimdex.api_key k
      LEFT JOIN heimdex.app_user u ON u.owner_id = k.owner_id AND u.user_id = k.user_id
     WHERE k.key_hash = wanted AND k.revoked_at IS NULL
       AND (k.expires_at IS NULL OR k.expires_at > now())
       AND (k.user_id IS NULL OR u.is_active)
$function$;

DO $grants$
DECLARE
    made regprocedure;
BEGIN
    FOR made IN SELECT p.oid::regprocedure FROM pg_proc p
                 WHERE p.pronamespace = 'heimdex'::regnamespace
                   AND p.proname IN ('users_exist', 'all_users', 'user_by_name', 'user_by_id',
                                     'user_by_subject', 'session_by_hash', 'key_by_hash')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', made);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO heimdex_app', made);
    END LOOP;
END
$grants$;
