-- name: coverage_of_stages
-- Of each stage: present assets it is for, those it is done with, and those it was left out for.
SELECT wanted.stage, count(*) AS wanted,
       count(*) FILTER (WHERE r.covered) AS covered, count(*) FILTER (WHERE r.skipped) AS skipped
  FROM (VALUES ('speech', 'photo'), ('writing', 'audio'), ('description', 'audio')) AS wanted(stage, never)
  JOIN heimdex.asset a ON a.owner_id = %(owner)s AND a.present AND a.kind <> wanted.never
  LEFT JOIN LATERAL (
    SELECT bool_or(state IN ('done', 'empty')) AS covered, bool_or(state = 'skipped') AS skipped
      FROM heimdex.stage_run
     WHERE owner_id = a.owner_id AND asset_id = a.asset_id AND stage = wanted.stage) r ON true
 GROUP BY wanted.stage;
