-- The tables of the index. Every tenant table leads with owner_id in its key, its indexes and its foreign
-- keys (foreign-key checks bypass policies, so a key without the owner could join two tenants' rows), and
-- carries a forced row policy. `model` and `space` belong to the installation, not to a tenant.

CREATE TABLE heimdex.model (
    model_id        smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL,
    precision       text NOT NULL,              -- float (fp32 and bf16 share a space) | int8
    weights_sha256  text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, precision, weights_sha256)
);

CREATE TABLE heimdex.space (
    space_id  smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id  smallint NOT NULL REFERENCES heimdex.model,
    name      text NOT NULL,                    -- labels | features | joint
    dim       integer NOT NULL CHECK (dim BETWEEN 1 AND 4000),
    UNIQUE (model_id, name)
);

CREATE TABLE heimdex.asset (
    owner_id         uuid NOT NULL,
    asset_id         uuid NOT NULL,
    content_hash     bytea NOT NULL CHECK (length(content_hash) = 32),
    size_bytes       bigint NOT NULL CHECK (size_bytes >= 0),
    kind             text NOT NULL CHECK (kind IN ('video', 'photo', 'audio')),
    present          boolean NOT NULL DEFAULT true,   -- has at least one path that is there
    container        text NOT NULL,
    video_codec      text,
    audio_codec      text,
    width            integer NOT NULL,
    height           integer NOT NULL,
    rotation         smallint NOT NULL,
    duration_us      bigint NOT NULL CHECK (duration_us >= 0),
    frame_rate       real,
    zero_us          bigint NOT NULL,
    video_offset_us  bigint,
    audio_offset_us  bigint,
    interlaced       boolean NOT NULL,
    transfer         text,
    clock_breaks     boolean NOT NULL DEFAULT false,
    captured_at      timestamptz,               -- what the file says of itself
    taken_at         timestamptz NOT NULL,      -- captured_at, else the file's modification time
    camera           text,
    latitude         double precision,
    longitude        double precision,
    note             text,                      -- damage the decoder went round
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, asset_id),
    UNIQUE (owner_id, content_hash)
);
CREATE INDEX asset_taken_at ON heimdex.asset (owner_id, taken_at);

-- One row per path that was ever met: a file of an asset, or a refusal with its reason.
CREATE TABLE heimdex.file (
    owner_id     uuid NOT NULL,
    path_bytes   bytea NOT NULL,
    path         text NOT NULL,
    asset_id     uuid,
    state        text NOT NULL CHECK (state IN ('present', 'missing', 'refused')),
    size_bytes   bigint NOT NULL,
    modified_ns  bigint NOT NULL,
    stage        text,
    error        text,
    seen_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, path_bytes),
    FOREIGN KEY (owner_id, asset_id) REFERENCES heimdex.asset ON DELETE CASCADE,
    CHECK ((state = 'refused') = (error IS NOT NULL)),
    CHECK (state = 'refused' OR asset_id IS NOT NULL)
);
CREATE INDEX file_asset ON heimdex.file (owner_id, asset_id);

-- Postings in a B-tree: under a row policy a GIN index would be lost (its operators are not leakproof).
CREATE TABLE heimdex.path_word (
    owner_id  uuid NOT NULL,
    word      text NOT NULL,
    asset_id  uuid NOT NULL,
    PRIMARY KEY (owner_id, word, asset_id),
    FOREIGN KEY (owner_id, asset_id) REFERENCES heimdex.asset ON DELETE CASCADE
);
CREATE INDEX path_word_asset ON heimdex.path_word (owner_id, asset_id);

CREATE TABLE heimdex.scene (
    owner_id       uuid NOT NULL,
    scene_id       uuid NOT NULL,
    asset_id       uuid NOT NULL,
    position       integer NOT NULL CHECK (position >= 0),
    start_us       bigint NOT NULL,
    end_us         bigint NOT NULL,
    motion_energy  real NOT NULL,
    motion_pan     real NOT NULL,
    motion_tilt    real NOT NULL,
    motion_zoom    real NOT NULL,
    motion_change  real NOT NULL,
    PRIMARY KEY (owner_id, scene_id),
    UNIQUE (owner_id, asset_id, position),
    FOREIGN KEY (owner_id, asset_id) REFERENCES heimdex.asset ON DELETE CASCADE,
    CHECK (end_us >= start_us)
);

CREATE TABLE heimdex.keyframe (
    owner_id          uuid NOT NULL,
    keyframe_id       uuid NOT NULL,
    scene_id          uuid NOT NULL,
    asset_id          uuid NOT NULL,
    rank              smallint NOT NULL CHECK (rank BETWEEN 0 AND 2),
    at_us             bigint NOT NULL,
    width             integer NOT NULL,
    height            integer NOT NULL,
    frame_quality     jsonb,
    frame_key         text NOT NULL,
    frame_sha256      text NOT NULL,
    frame_bytes       integer NOT NULL,
    thumbnail_key     text NOT NULL,
    thumbnail_sha256  text NOT NULL,
    thumbnail_bytes   integer NOT NULL,
    PRIMARY KEY (owner_id, keyframe_id),
    UNIQUE (owner_id, scene_id, rank),
    UNIQUE (owner_id, keyframe_id, scene_id, asset_id, rank),
    FOREIGN KEY (owner_id, scene_id) REFERENCES heimdex.scene ON DELETE CASCADE
);
CREATE INDEX keyframe_asset ON heimdex.keyframe (owner_id, asset_id);

-- A vector per keyframe and space, or the record of why there is none. The embedding has no fixed length in
-- the column: each space has its own, enforced by `vector_dim` and by the cast in its partial index.
CREATE TABLE heimdex.vector (
    owner_id     uuid NOT NULL,
    space_id     smallint NOT NULL REFERENCES heimdex.space,
    keyframe_id  uuid NOT NULL,
    scene_id     uuid NOT NULL,
    asset_id     uuid NOT NULL,
    rank         smallint NOT NULL CHECK (rank BETWEEN 0 AND 2),
    embedding    halfvec,
    metadata     jsonb NOT NULL,
    PRIMARY KEY (owner_id, space_id, keyframe_id),
    UNIQUE (owner_id, space_id, scene_id, rank),
    FOREIGN KEY (owner_id, keyframe_id, scene_id, asset_id, rank)
        REFERENCES heimdex.keyframe (owner_id, keyframe_id, scene_id, asset_id, rank) ON DELETE CASCADE,
    CHECK ((embedding IS NULL) = (metadata ->> 'error' IS NOT NULL))
) WITH (toast_tuple_target = 8160);  -- wider than 2 kB and still in the row: an exact scan must not detoast
CREATE INDEX vector_asset ON heimdex.vector (owner_id, asset_id, space_id);
CREATE INDEX vector_keyframe ON heimdex.vector (owner_id, keyframe_id);

-- The ledger: one row per asset × stage × model (0 where a stage has none). `attempt` is the fencing token.
CREATE TABLE heimdex.stage_run (
    owner_id       uuid NOT NULL,
    asset_id       uuid NOT NULL,
    stage          text NOT NULL,
    model_id       smallint NOT NULL DEFAULT 0,
    stage_version  integer NOT NULL,
    state          text NOT NULL
        CHECK (state IN ('pending', 'running', 'done', 'empty', 'failed', 'skipped')),
    content_hash   bytea NOT NULL,
    row_count      integer NOT NULL DEFAULT 0,
    attempt        bigint NOT NULL DEFAULT 0,
    started_at     timestamptz,
    finished_at    timestamptz,
    duration_ms    double precision,
    error          text,
    PRIMARY KEY (owner_id, asset_id, stage, model_id),
    FOREIGN KEY (owner_id, asset_id) REFERENCES heimdex.asset ON DELETE CASCADE,
    CHECK ((state = 'failed') = (error IS NOT NULL))
);
CREATE INDEX stage_run_state ON heimdex.stage_run (owner_id, stage, state);

DO $policies$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY
        ARRAY['asset', 'file', 'path_word', 'scene', 'keyframe', 'vector', 'stage_run']
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

-- The application's role cannot make indexes; this makes exactly one kind: the HNSW index of a space.
CREATE FUNCTION heimdex.build_space_index(wanted smallint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $function$
DECLARE
    width integer;
    index_name text := format('vector_space_%s_hnsw', wanted);
BEGIN
    SELECT dim INTO STRICT width FROM heimdex.space WHERE space_id = wanted;
    EXECUTE format(
        'CREATE INDEX IF NOT EXISTS %I ON heimdex.vector '
        'USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops) '
        'WHERE space_id = %s AND embedding IS NOT NULL', index_name, width, wanted);
    RETURN index_name;
END
$function$;
REVOKE ALL ON FUNCTION heimdex.build_space_index(smallint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heimdex.build_space_index(smallint) TO heimdex_app;
