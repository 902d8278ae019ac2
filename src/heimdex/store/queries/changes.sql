-- Changes of the picture model, and the queries by which models are compared.

-- name: open_change
-- The owner's change that is not over.
SELECT change_id::text, from_id, to_id, reach, state, report, error, keep_days, started_at, finished_at, pruned_at
  FROM heimdex.model_change WHERE owner_id = %(owner)s AND state IN ('building', 'ready');

-- name: list_changes
-- The owner's changes, the newest first.
SELECT change_id::text, from_id, to_id, reach, state, report, error, keep_days, started_at, finished_at, pruned_at
  FROM heimdex.model_change WHERE owner_id = %(owner)s ORDER BY started_at DESC, change_id DESC LIMIT %(limit)s;

-- name: begin_change
-- A change begins.
INSERT INTO heimdex.model_change (owner_id, change_id, from_id, to_id, reach, state, keep_days)
VALUES (%(owner)s, %(change)s, %(from)s, %(to)s, %(reach)s, 'building', %(keep_days)s);

-- name: resume_change
-- A change that was cut off goes on, with what it is asked for now.
UPDATE heimdex.model_change
   SET state = 'building', from_id = %(from)s, reach = %(reach)s, keep_days = %(keep_days)s
 WHERE owner_id = %(owner)s AND change_id = %(change)s;

-- name: note_change
-- What is known of it by now.
UPDATE heimdex.model_change SET state = coalesce(%(state)s, state), report = report || %(report)s
 WHERE owner_id = %(owner)s AND change_id = %(change)s;

-- name: end_change
-- It is over.
UPDATE heimdex.model_change SET state = %(state)s, error = %(error)s, finished_at = now()
 WHERE owner_id = %(owner)s AND change_id = %(change)s;

-- name: roll_back_change
-- The last change to a model was taken back.
UPDATE heimdex.model_change SET state = 'rolled_back', finished_at = now()
 WHERE owner_id = %(owner)s AND state = 'switched' AND to_id = %(to)s
   AND started_at = (SELECT max(started_at) FROM heimdex.model_change
                      WHERE owner_id = %(owner)s AND state = 'switched' AND to_id = %(to)s);

-- name: mark_pruned
-- The model that was left is gone.
UPDATE heimdex.model_change SET pruned_at = now()
 WHERE owner_id = %(owner)s AND pruned_at IS NULL
   AND ((state = 'switched' AND from_id = %(model)s) OR (state = 'rolled_back' AND to_id = %(model)s));

-- name: left_models
-- Models that a change left behind, and whether their time has run out.
SELECT CASE state WHEN 'switched' THEN from_id ELSE to_id END,
       bool_and(finished_at + make_interval(days => keep_days) <= now())
  FROM heimdex.model_change
 WHERE owner_id = %(owner)s AND state IN ('switched', 'rolled_back') AND pruned_at IS NULL
   AND CASE state WHEN 'switched' THEN from_id ELSE to_id END IS NOT NULL
 GROUP BY 1;

-- name: failed_assets
-- Assets with frames that a model could not encode, with a path of each and the reason.
SELECT coalesce((SELECT f.path FROM heimdex.file f
                  WHERE f.owner_id = r.owner_id AND f.asset_id = r.asset_id ORDER BY f.path LIMIT 1),
                r.asset_id::text), r.error
  FROM heimdex.stage_run r
 WHERE r.owner_id = %(owner)s AND r.stage = 'picture' AND r.model_id = %(model)s AND r.state = 'failed'
 ORDER BY 1 LIMIT %(limit)s;

-- name: note_query
-- A query was asked, or is to be saved.
INSERT INTO heimdex.asked_query (owner_id, query, saved) VALUES (%(owner)s, %(query)s, %(saved)s)
ON CONFLICT (owner_id, query) DO UPDATE
   SET saved = heimdex.asked_query.saved OR excluded.saved, asked_at = excluded.asked_at;

-- name: trim_queries
-- Of those not saved, the latest are kept.
DELETE FROM heimdex.asked_query
 WHERE owner_id = %(owner)s AND NOT saved
   AND asked_at < (SELECT asked_at FROM heimdex.asked_query
                    WHERE owner_id = %(owner)s AND NOT saved
                    ORDER BY asked_at DESC OFFSET %(keep)s - 1 LIMIT 1);

-- name: list_queries
-- Saved queries first, then the latest.
SELECT query, saved, asked_at FROM heimdex.asked_query WHERE owner_id = %(owner)s
 ORDER BY saved DESC, asked_at DESC, query LIMIT %(limit)s;

-- name: forget_query
-- A query is forgotten.
DELETE FROM heimdex.asked_query WHERE owner_id = %(owner)s AND query = %(query)s;

-- name: do_not_wait_for_disk
-- What may be lost in a power cut need not be waited for.
SET LOCAL synchronous_commit = off;
