-- Jobs: what users and the API read of the work that workers do. The queue itself has a schema of its own,
-- heimdex_queue, made from the library that keeps it; its entries ("tickets") hold ids only.

CREATE TABLE heimdex.job (
    owner_id     uuid NOT NULL,
    job_id       uuid NOT NULL,
    parent_id    uuid,                          -- of a job that was split: the whole
    kind         text NOT NULL,
    queue        text NOT NULL CHECK (queue IN ('interactive', 'index', 'backfill')),
    priority     integer NOT NULL DEFAULT 0,    -- within its queue; higher goes first
    arguments    jsonb NOT NULL DEFAULT '{}',
    state        text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'paused', 'done', 'failed', 'cancelled', 'parked')),
    phase        text NOT NULL DEFAULT 'work'
        CHECK (phase IN ('work', 'parts', 'conclude')),  -- parts: its parts are being worked on
    wish         text CHECK (wish IN ('pause', 'cancel')),  -- what a running job is asked to do
    progress     jsonb NOT NULL DEFAULT '{}',
    result       jsonb,
    error        text,
    attempts     bigint NOT NULL DEFAULT 0,     -- the fencing token: who has an older one writes nothing
    failures     smallint NOT NULL DEFAULT 0,   -- in a row, without any progress in between
    ticket       bigint,                        -- its entry in the queue
    worker       text,                          -- who has it, or had it last
    not_before   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    PRIMARY KEY (owner_id, job_id),
    FOREIGN KEY (owner_id, parent_id) REFERENCES heimdex.job ON DELETE CASCADE
);
CREATE INDEX job_parent ON heimdex.job (owner_id, parent_id, state) WHERE parent_id IS NOT NULL;
CREATE INDEX job_whole ON heimdex.job (owner_id, job_id) WHERE parent_id IS NULL;

ALTER TABLE heimdex.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE heimdex.job FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON heimdex.job
    USING (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid)
    WITH CHECK (owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid);

-- Schemas whose statements come out of a library: which of its steps were applied. Of the installation.
CREATE TABLE heimdex.further_step (
    schema_name  text NOT NULL,
    step         text NOT NULL,
    applied_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schema_name, step)
);
REVOKE INSERT, UPDATE, DELETE ON heimdex.further_step FROM heimdex_app;
