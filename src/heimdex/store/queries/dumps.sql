-- What a backup and a restore ask as the administrator; the rows themselves go through PostgreSQL's own programs.

-- name: our_schemas
-- The schemas that belong to Heimdex: those of its owner role.
SELECT n.nspname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
 WHERE r.rolname = 'heimdex_owner' ORDER BY 1;

-- name: sees_all_rows
-- Whether this login reads the rows of every owner.
SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user;

-- name: applied
-- The migrations that made the schema.
SELECT name FROM heimdex.migration ORDER BY name;

-- name: count_all
-- How much there is, of all owners.
SELECT (SELECT count(DISTINCT owner_id) FROM heimdex.asset), (SELECT count(*) FROM heimdex.asset);

-- name: drop_ours
-- Room for what is restored: in the same transaction, so that nothing is lost when it fails.
DO $drop$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT n.nspname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
                 WHERE r.rolname = 'heimdex_owner'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
END
$drop$;

-- name: renew_statistics
-- A restored table has none, and plans would be made blindly.
ANALYZE;
