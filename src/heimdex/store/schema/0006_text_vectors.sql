-- What a scene's words mean, and what was paid for to be described.

-- A vector per scene, channel and space, or the record of why there is none. As in `vector`, each space has its
-- own length, by the cast in its partial indexes. `text` is what a hit shows: the most central sentence of a
-- transcript with its time, a description, a summary.
CREATE TABLE heimdex.text_vector (
    owner_id   uuid NOT NULL,
    space_id   smallint NOT NULL REFERENCES heimdex.space,
    channel    text NOT NULL CHECK (channel IN ('transcript', 'description', 'summary')),
    scene_id   uuid NOT NULL,
    asset_id   uuid NOT NULL,
    text       text NOT NULL,
    at_us      bigint,                          -- on the asset's clock; NULL where it is the scene's as a whole
    embedding  halfvec,
    checksum   bytea,                           -- SHA-256 of the embedding's binary form
    metadata   jsonb NOT NULL,
    PRIMARY KEY (owner_id, space_id, channel, scene_id),
    FOREIGN KEY (owner_id, scene_id) REFERENCES heimdex.scene ON DELETE CASCADE,
    CHECK ((embedding IS NULL) = (metadata ->> 'error' IS NOT NULL))
) WITH (toast_tuple_target = 8160);  -- an exact scan must not detoast
CREATE INDEX text_vector_asset ON heimdex.text_vector (owner_id, asset_id, space_id);
CREATE INDEX text_vector_scene ON heimdex.text_vector (owner_id, scene_id);

-- What vision models answered, by what they were shown and asked: a scene that is looked at again, after an
-- interruption or a change of the scenes around it, is not paid for twice. `refusal` is an answer too.
CREATE TABLE heimdex.description_cache (
    owner_id      uuid NOT NULL,
    frame_sha256  text NOT NULL,                -- of the scene's best frame
    model         text NOT NULL,
    asked_sha256  text NOT NULL,                -- of the prompt and all the frames
    text          text,
    refusal       text,
    metadata      jsonb NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, frame_sha256, model, asked_sha256),
    CHECK ((text IS NULL) = (refusal IS NOT NULL))
);

DO $policies$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['text_vector', 'description_cache']
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

-- As heimdex.build_space_index: the application's role cannot make indexes; this makes exactly one kind, the HNSW
-- index of one channel of a space.
CREATE FUNCTION heimdex.build_text_index(wanted smallint, wanted_channel text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    width integer;
    index_name text := format('text_space_%s_%s_hnsw', wanted, wanted_channel);
BEGIN
    IF wanted_channel NOT IN ('transcript', 'description', 'summary') THEN
        RAISE EXCEPTION 'no channel called %', wanted_channel;
    END IF;
    SELECT dim INTO STRICT width FROM heimdex.space WHERE space_id = wanted;
    EXECUTE format(
        'CREATE INDEX IF NOT EXISTS %I ON heimdex.text_vector '
        'USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops) WITH (m = 16, ef_construction = 200) '
        'WHERE space_id = %s AND channel = %L AND embedding IS NOT NULL',
        index_name, width, wanted, wanted_channel);
    RETURN index_name;
END
$function$;
REVOKE ALL ON FUNCTION heimdex.build_text_index(smallint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heimdex.build_text_index(smallint, text) TO heimdex_app;
