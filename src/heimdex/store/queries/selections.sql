-- Sets of assets chosen by filters and by what the ledger says of them, to be worked on again.

-- name: select_assets
-- Assets that pass the filters, each with one path that is there.
SELECT a.asset_id::text, (SELECT min(f.path_bytes) FROM heimdex.file f
                           WHERE f.owner_id = a.owner_id AND f.asset_id = a.asset_id AND f.state = 'present')
  FROM heimdex.asset a
 WHERE a.owner_id = %(owner)s AND a.present /* filters */ /* of scenes */ /* ids */ /* ledger */
 ORDER BY a.asset_id;

-- name: of_scenes
-- At least one scene is so.
AND EXISTS (SELECT FROM heimdex.scene v
             WHERE v.owner_id = a.owner_id AND v.asset_id = a.asset_id /* scene filters */)

-- name: of_ids
-- Only these.
AND a.asset_id = ANY(%(assets)s::uuid[])

-- name: ledger_failed
-- A stage failed.
AND EXISTS (SELECT FROM heimdex.stage_run r
             WHERE r.owner_id = a.owner_id AND r.asset_id = a.asset_id AND r.stage = ANY(%(stages)s)
               AND r.state = 'failed')

-- name: ledger_stale
-- A stage is missing, or was made by another version or of another content.
AND EXISTS (SELECT FROM unnest(%(stages)s::text[], %(versions)s::integer[]) AS asked(stage, version)
             WHERE NOT EXISTS (SELECT FROM heimdex.stage_run r
                                WHERE r.owner_id = a.owner_id AND r.asset_id = a.asset_id
                                  AND r.stage = asked.stage AND r.stage_version = asked.version
                                  AND r.content_hash = a.content_hash AND r.state NOT IN ('pending', 'running')))

-- name: refused_files
-- Files that were refused, below a folder or all of them.
SELECT f.path_bytes FROM heimdex.file f
 WHERE f.owner_id = %(owner)s AND f.state = 'refused' /* within */ ORDER BY f.path_bytes;

-- name: path_within
-- Below a folder, or one file.
AND (f.path_bytes = %(within)s OR f.path_bytes >= %(within_from)s AND f.path_bytes < %(within_to)s)

-- name: reset_stages
-- Put stages back to pending, so that the next run makes them again; of pictures only the model in use.
UPDATE heimdex.stage_run
   SET state = 'pending', error = NULL, finished_at = NULL, duration_ms = NULL
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s::uuid[]) AND stage = ANY(%(stages)s)
   AND (stage <> 'picture' OR model_id = %(model)s) AND state <> 'running';

-- name: time_of_stages
-- What stages of some assets took, or take on average where these have none on record, in ms.
SELECT coalesce(sum(coalesce(own.duration_ms, usual.mean)), 0)
  FROM unnest(%(assets)s::uuid[]) AS asked(asset_id)
 CROSS JOIN (SELECT stage, avg(duration_ms) AS mean FROM heimdex.stage_run
              WHERE owner_id = %(owner)s AND stage = ANY(%(stages)s) AND state IN ('done', 'empty')
              GROUP BY stage) usual
  LEFT JOIN LATERAL (SELECT max(r.duration_ms) AS duration_ms FROM heimdex.stage_run r
                      WHERE r.owner_id = %(owner)s AND r.asset_id = asked.asset_id AND r.stage = usual.stage
                        AND r.state IN ('done', 'empty')) own ON true;
