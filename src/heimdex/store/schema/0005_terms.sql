-- The lexical index: under which terms a scene's words are found, and the words as they are compared.

-- Postings in a B-tree, as for paths (see path_word): one row per term and asset, with the scenes of the asset
-- that hold it, so that a film that says a word a hundred times has one row. `term` sorts by code points
-- (COLLATE "C"): strings of two characters are looked up as a range of the trigrams that begin with them.
CREATE TABLE heimdex.posting (
    owner_id  uuid NOT NULL,
    channel   smallint NOT NULL CHECK (channel IN (1, 2, 3)),   -- 1 said, 2 written, 3 described
    term      text COLLATE "C" NOT NULL,
    asset_id  uuid NOT NULL,
    scenes    uuid[] NOT NULL,
    PRIMARY KEY (owner_id, channel, term, asset_id),
    FOREIGN KEY (owner_id, asset_id) REFERENCES heimdex.asset ON DELETE CASCADE
);
-- Many rows, few keys: B-tree deduplication keeps this at some seven bytes a row.
CREATE INDEX posting_asset ON heimdex.posting (owner_id, asset_id);

-- What is said, written and described in a scene, folded and cut into words: one line per sentence, words apart
-- by one space. `…_stems` hold the stem of each word in the same place.
CREATE TABLE heimdex.scene_words (
    owner_id       uuid NOT NULL,
    scene_id       uuid NOT NULL,
    asset_id       uuid NOT NULL,
    said           text,
    said_stems     text,
    written        text,
    described      text,
    described_stems text,
    PRIMARY KEY (owner_id, scene_id),
    FOREIGN KEY (owner_id, scene_id) REFERENCES heimdex.scene ON DELETE CASCADE
);
CREATE INDEX scene_words_asset ON heimdex.scene_words (owner_id, asset_id);

-- The languages that an owner's sentences are in, so that a query's words are stemmed in each of them.
CREATE TABLE heimdex.term_language (
    owner_id  uuid NOT NULL,
    language  text NOT NULL,
    PRIMARY KEY (owner_id, language)
);

-- Sentences of more than a minute, which a look-up by their beginnings would miss.
CREATE INDEX utterance_long ON heimdex.utterance (owner_id, asset_id) WHERE end_us - start_us > 60000000;

DO $policies$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['posting', 'scene_words', 'term_language']
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

-- Scenes go and come by whole assets, and their postings go with them.
CREATE FUNCTION heimdex.drop_postings() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    DELETE FROM heimdex.posting p USING (SELECT DISTINCT owner_id, asset_id FROM gone) g
     WHERE p.owner_id = g.owner_id AND p.asset_id = g.asset_id;
    RETURN NULL;
END
$function$;
CREATE TRIGGER drop_postings AFTER DELETE ON heimdex.scene
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION heimdex.drop_postings();
