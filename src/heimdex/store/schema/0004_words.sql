-- What is said, written and described. Everything hangs on its asset or scene and goes with it.

-- One row per asset that was listened to, also where nothing was said: `beside` are the subtitle files that lay
-- beside it then, as [[name, size, modified_ns], …], so that a new or changed one makes the stage due again.
CREATE TABLE heimdex.transcript (
    owner_id  uuid NOT NULL,
    asset_id  uuid NOT NULL,
    source    text NOT NULL CHECK (source IN ('subtitles', 'speech')),
    model     text NOT NULL,
    language  text,
    origin    text,
    note      text,
    beside    jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (owner_id, asset_id),
    FOREIGN KEY (owner_id, asset_id) REFERENCES heimdex.asset ON DELETE CASCADE
);

-- A sentence. `words` are [[text, start_us, end_us, confidence], …], or empty where only the sentence is timed.
CREATE TABLE heimdex.utterance (
    owner_id      uuid NOT NULL,
    utterance_id  uuid NOT NULL,
    asset_id      uuid NOT NULL,
    position      integer NOT NULL CHECK (position >= 0),
    start_us      bigint NOT NULL CHECK (start_us >= 0),
    end_us        bigint NOT NULL,
    text          text NOT NULL,
    language      text,
    confidence    real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    words         jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (owner_id, utterance_id),
    UNIQUE (owner_id, asset_id, position),
    FOREIGN KEY (owner_id, asset_id) REFERENCES heimdex.transcript ON DELETE CASCADE,
    CHECK (end_us >= start_us)
);
CREATE INDEX utterance_time ON heimdex.utterance (owner_id, asset_id, start_us);

-- A line of writing in the picture, stored once for all the neighbouring frames that show it. `box` is x, y,
-- width, height as shares of the picture.
CREATE TABLE heimdex.text_line (
    owner_id    uuid NOT NULL,
    line_id     uuid NOT NULL,
    asset_id    uuid NOT NULL,
    scene_id    uuid NOT NULL,                  -- in which it was read best
    at_us       bigint NOT NULL,
    start_us    bigint NOT NULL,
    end_us      bigint NOT NULL,
    text        text NOT NULL,
    box         real[] NOT NULL CHECK (array_length(box, 1) = 4),
    confidence  real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    script      text NOT NULL,
    PRIMARY KEY (owner_id, line_id),
    FOREIGN KEY (owner_id, scene_id) REFERENCES heimdex.scene ON DELETE CASCADE,
    CHECK (start_us <= at_us AND at_us <= end_us)
);
CREATE INDEX text_line_time ON heimdex.text_line (owner_id, asset_id, start_us);
CREATE INDEX text_line_scene ON heimdex.text_line (owner_id, scene_id);

-- What a model says of a scene, or the record of why it says nothing.
CREATE TABLE heimdex.description (
    owner_id  uuid NOT NULL,
    scene_id  uuid NOT NULL,
    asset_id  uuid NOT NULL,
    text      text,
    language  text,
    model     text NOT NULL,
    metadata  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (owner_id, scene_id),
    FOREIGN KEY (owner_id, scene_id) REFERENCES heimdex.scene ON DELETE CASCADE,
    CHECK ((text IS NULL) = (metadata ->> 'error' IS NOT NULL))
);
CREATE INDEX description_asset ON heimdex.description (owner_id, asset_id);

DO $policies$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['transcript', 'utterance', 'text_line', 'description']
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
