-- name: runs_of_assets
-- The ledger of some assets.
SELECT asset_id::text, stage, model_id, stage_version, state, encode(content_hash, 'hex'), row_count, attempt,
       started_at, finished_at, duration_ms, error
  FROM heimdex.stage_run WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s)
 ORDER BY asset_id, stage, model_id;

-- name: all_runs
-- The whole ledger.
SELECT asset_id::text, stage, model_id, stage_version, state, encode(content_hash, 'hex'), row_count, attempt,
       started_at, finished_at, duration_ms, error
  FROM heimdex.stage_run WHERE owner_id = %(owner)s ORDER BY asset_id, stage, model_id;

-- name: begin_run
-- Take a stage over: the attempt rises, so whoever had it before can no longer commit. Where the entry was
-- lost, it must not write into the folder of the attempt whose frames are in use. The lock is for an asset that
-- is being removed at this moment: nothing is returned then, as when it was gone before.
INSERT INTO heimdex.stage_run (owner_id, asset_id, stage, model_id, stage_version, state, content_hash,
    attempt, started_at)
SELECT a.owner_id, a.asset_id, %(stage)s, %(model)s, %(version)s, 'running', a.content_hash,
       1 + CASE WHEN %(stage)s = 'scenes'
                THEN coalesce((SELECT max(substring(k.frame_key FROM '/([0-9]{1,9})/[^/]*$')::bigint)
                                 FROM heimdex.keyframe k
                                WHERE k.owner_id = a.owner_id AND k.asset_id = a.asset_id), 0)
                ELSE 0 END,
       clock_timestamp()
  FROM heimdex.asset a WHERE a.owner_id = %(owner)s AND a.asset_id = %(asset)s
   FOR KEY SHARE OF a
ON CONFLICT (owner_id, asset_id, stage, model_id) DO UPDATE
   SET stage_version = EXCLUDED.stage_version, state = 'running', content_hash = EXCLUDED.content_hash,
       row_count = 0, attempt = heimdex.stage_run.attempt + 1, started_at = EXCLUDED.started_at,
       finished_at = NULL, duration_ms = NULL, error = NULL
RETURNING attempt;

-- name: fence_run
-- Lock the ledger row for the commit, if the attempt is still ours.
SELECT attempt FROM heimdex.stage_run
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND stage = %(stage)s AND model_id = %(model)s
   FOR UPDATE;

-- name: finish_run
-- How a stage ended, in the same transaction as its rows.
UPDATE heimdex.stage_run
   SET state = %(state)s, row_count = %(row_count)s, error = %(error)s, finished_at = clock_timestamp(),
       duration_ms = %(duration_ms)s
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND stage = %(stage)s AND model_id = %(model)s
   AND attempt = %(attempt)s;

-- name: reset_runs
-- Put stages back to pending so that the next index runs them again.
UPDATE heimdex.stage_run SET state = 'pending', error = NULL, finished_at = NULL, duration_ms = NULL
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s)
   AND (stage = %(stage)s OR %(stage)s IS NULL);

-- name: delete_runs_of_stage
-- Runs that rest on rows which are about to be replaced.
DELETE FROM heimdex.stage_run
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND stage = ANY(%(stages)s);

-- name: count_runs
-- The ledger by stage, model and state.
SELECT r.stage, coalesce(m.name, ''), r.state, count(*)
  FROM heimdex.stage_run r LEFT JOIN heimdex.model m ON m.model_id = r.model_id
 WHERE r.owner_id = %(owner)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
