-- name: limit_counting
-- Counting is given up rather than let it hold a connection and the disk for long.
SELECT set_config('statement_timeout', %(timeout_ms)s, true);

-- name: installation_figures
-- Counts over all owners, by stage, model and state.
SELECT figure, stage, model, state, value FROM heimdex.installation_figures();

-- name: vector_figures
-- Counts of vectors over all owners, by model.
SELECT figure, stage, model, state, value FROM heimdex.vector_figures();
