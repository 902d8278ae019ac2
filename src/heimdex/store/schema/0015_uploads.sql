-- What is handed in from outside, from its first byte until it is an original of the library or was refused.
-- The bytes lie in files (store/parts.py); how far they have come is told by these, not by a row.

CREATE TABLE heimdex.upload (
    owner_id         uuid NOT NULL,
    upload_id        uuid NOT NULL,
    name             text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),  -- for people; never a path
    state            text NOT NULL
        CHECK (state IN ('receiving', 'checking', 'stored', 'refused', 'expired')),
    size_bytes       bigint CHECK (size_bytes >= 0),   -- NULL while only its end will tell
    reserved_bytes   bigint NOT NULL CHECK (reserved_bytes >= 0),   -- what it takes of its owner's quota
    offset_bytes     bigint NOT NULL DEFAULT 0 CHECK (offset_bytes >= 0),   -- when last written down
    declared_sha256  text CHECK (declared_sha256 ~ '^[0-9a-f]{64}$'),
    sha256           text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    source_url       text,                             -- where it is fetched from, if it is
    problem          text,                             -- the kind of the error, a class of errors.py
    error            text,
    object_key       text,
    asset_id         uuid,                             -- no foreign key: its file is deleted after the asset
    indexed_at       timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    PRIMARY KEY (owner_id, upload_id),
    CHECK ((state = 'refused') = (problem IS NOT NULL)),
    CHECK (state <> 'refused' OR error IS NOT NULL),
    CHECK ((state = 'stored') = (object_key IS NOT NULL)),
    CHECK (state NOT IN ('checking', 'stored') OR size_bytes IS NOT NULL)
);
CREATE INDEX upload_state ON heimdex.upload (owner_id, state, expires_at);
CREATE INDEX upload_asset ON heimdex.upload (owner_id, asset_id) WHERE asset_id IS NOT NULL;

-- One row per owner that ever handed something in: whoever reserves room holds its lock, so that two uploads
-- cannot both take the last of it. NULL: the installation's quota.
CREATE TABLE heimdex.upload_quota (
    owner_id     uuid PRIMARY KEY,
    quota_bytes  bigint CHECK (quota_bytes >= 0)
);

DO $policies$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['upload', 'upload_quota'] LOOP
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
