-- What marked queries taught a search, as versions (docs/decisions/0035-search-adapter.md). A version is never
-- changed but for its state: `active` is the pointer, and at most one of an owner and model has it; `ready` was
-- better on held-out queries and is not in use; `refused` was not better, for a reason, and cannot be used.
-- Anchors are the vectors of marked queries, coefficients what is added to a query near them: both (n, dim),
-- half floats, row by row, little-endian.
CREATE TABLE heimdex.search_adapter (
    owner_id      uuid NOT NULL,
    version       integer NOT NULL CHECK (version > 0),
    model_id      smallint NOT NULL REFERENCES heimdex.model,   -- of pictures, in whose text space it was fitted
    state         text NOT NULL CHECK (state IN ('active', 'ready', 'refused')),
    reason        text,
    parameters    jsonb NOT NULL,
    anchors       bytea NOT NULL,
    coefficients  bytea NOT NULL,
    figures       jsonb NOT NULL,               -- on held-out queries, without it and with it
    trained_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, version),
    CHECK ((state = 'refused') = (reason IS NOT NULL)),
    CHECK (length(anchors) = length(coefficients))
);
CREATE UNIQUE INDEX search_adapter_active ON heimdex.search_adapter (owner_id, model_id) WHERE state = 'active';

ALTER TABLE heimdex.search_adapter ENABLE ROW LEVEL SECURITY;
ALTER TABLE heimdex.search_adapter FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON heimdex.search_adapter
    USING (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid)
    WITH CHECK (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid);
