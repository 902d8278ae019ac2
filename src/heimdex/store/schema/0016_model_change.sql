-- Changes of the picture model: what is being built, how it stood before the pointer moved, and what may be
-- pruned when. Beside it the ids of all libraries, and the queries by which two models are compared.

CREATE TABLE heimdex.model_change (
    owner_id     uuid NOT NULL,
    change_id    uuid NOT NULL,
    from_id      smallint REFERENCES heimdex.model,   -- NULL: nothing was in use
    to_id        smallint NOT NULL REFERENCES heimdex.model,
    reach        text NOT NULL CHECK (reach IN ('owner', 'default', 'share')),
    state        text NOT NULL CHECK (state IN ('building', 'ready', 'switched', 'rolled_back', 'failed')),
    report       jsonb NOT NULL DEFAULT '{}',         -- coverage, failed frames, overlap of top results
    error        text,
    keep_days    integer NOT NULL CHECK (keep_days >= 0),
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    pruned_at    timestamptz,                         -- the vectors of the model it left are gone
    PRIMARY KEY (owner_id, change_id),
    CHECK ((state = 'failed') = (error IS NOT NULL)),
    CHECK ((state IN ('building', 'ready')) = (finished_at IS NULL))
);
CREATE UNIQUE INDEX model_change_open ON heimdex.model_change (owner_id) WHERE state IN ('building', 'ready');

-- Queries that were asked, to hold the answers of two models against each other. Saved ones stay; of the others
-- the latest are kept.
CREATE TABLE heimdex.asked_query (
    owner_id  uuid NOT NULL,
    query     text NOT NULL CHECK (length(query) BETWEEN 1 AND 500),
    saved     boolean NOT NULL DEFAULT false,
    asked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (owner_id, query)
);
CREATE INDEX asked_query_asked_at ON heimdex.asked_query (owner_id, saved, asked_at);

DO $policies$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['model_change', 'asked_query']
    LOOP
        EXECUTE format('ALTER TABLE heimdex.%I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE heimdex.%I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY tenant ON heimdex.%I '
            'USING (owner_id = NULLIF(current_setting(''heimdex.owner'', true), '''')::uuid) '
            'WITH CHECK (owner_id = NULLIF(current_setting(''heimdex.owner'', true), '''')::uuid)',
            tenant_table);
    END LOOP;
END
$policies$;

-- Whose libraries there are: the ids of all owners that ever indexed anything, and nothing else. A change of the
-- installation's model goes through them one by one, each under its own policy; policies let nobody list them.
CREATE TABLE heimdex.library (
    id     uuid PRIMARY KEY,                          -- an owner's
    since  timestamptz NOT NULL DEFAULT now()
);
REVOKE UPDATE, DELETE ON heimdex.library FROM heimdex_app;

CREATE FUNCTION heimdex.enter_library() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO heimdex.library (id) SELECT DISTINCT owner_id FROM entered ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;
REVOKE ALL ON FUNCTION heimdex.enter_library() FROM PUBLIC;
CREATE TRIGGER enter_library AFTER INSERT ON heimdex.asset
    REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION heimdex.enter_library();

-- For libraries that are there already. The policy is forced on the table's owner too, but for this moment.
ALTER TABLE heimdex.asset NO FORCE ROW LEVEL SECURITY;
INSERT INTO heimdex.library (id) SELECT DISTINCT owner_id FROM heimdex.asset ON CONFLICT DO NOTHING;
ALTER TABLE heimdex.asset FORCE ROW LEVEL SECURITY;

-- A space that nobody uses any more loses its HNSW index. Never that of the installation's model, nor of the
-- one that follows or went before it.
CREATE FUNCTION heimdex.drop_space_index(wanted smallint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
BEGIN
    IF EXISTS (SELECT FROM heimdex.space s
                 JOIN heimdex.model_default d ON s.model_id IN (d.model_id, d.next_id, d.previous_id)
                WHERE s.space_id = wanted) THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP INDEX IF EXISTS heimdex.%I', format('vector_space_%s_hnsw', wanted));
    RETURN true;
END
$function$;
REVOKE ALL ON FUNCTION heimdex.drop_space_index(smallint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heimdex.drop_space_index(smallint) TO heimdex_app;
