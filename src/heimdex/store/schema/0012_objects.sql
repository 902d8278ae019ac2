-- Uploaded originals: what lies in the object store under <owner>/originals/<object>/<name>, and what it has to
-- be. A file of an asset points to one by its path, heimdex-object:<key>; while it is being uploaded, or after
-- the asset was taken out of the index, none does.
CREATE TABLE heimdex.object (
    owner_id      uuid NOT NULL,
    object_id     uuid NOT NULL,
    object_key    text NOT NULL,
    name          text NOT NULL,                -- as its owner called it
    sha256        bytea NOT NULL CHECK (length(sha256) = 32),
    size_bytes    bigint NOT NULL CHECK (size_bytes >= 0),
    content_type  text NOT NULL,
    modified_ns   bigint NOT NULL,              -- when the file was last changed where it came from
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, object_id),
    UNIQUE (owner_id, object_key),
    CHECK (object_key LIKE owner_id || '/%')
);
CREATE INDEX object_sha256 ON heimdex.object (owner_id, sha256);

ALTER TABLE heimdex.object ENABLE ROW LEVEL SECURITY;
ALTER TABLE heimdex.object FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON heimdex.object
    USING (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid)
    WITH CHECK (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid);
