-- name: count_words
-- How much is said, written and described, in the whole library.
SELECT (SELECT count(*) FROM heimdex.utterance WHERE owner_id = %(owner)s),
       (SELECT count(*) FROM heimdex.text_line WHERE owner_id = %(owner)s),
       (SELECT count(*) FROM heimdex.description WHERE owner_id = %(owner)s AND text IS NOT NULL);

-- name: count_words_of_assets
-- The same asset by asset: of some of them, or of all that have any.
SELECT asset_id::text, sum(utterances)::int, sum(lines)::int, sum(descriptions)::int
  FROM (SELECT asset_id, count(*) AS utterances, 0 AS lines, 0 AS descriptions
          FROM heimdex.utterance
         WHERE owner_id = %(owner)s AND (%(assets)s::uuid[] IS NULL OR asset_id = ANY(%(assets)s)) GROUP BY asset_id
        UNION ALL
        SELECT asset_id, 0, count(*), 0
          FROM heimdex.text_line
         WHERE owner_id = %(owner)s AND (%(assets)s::uuid[] IS NULL OR asset_id = ANY(%(assets)s)) GROUP BY asset_id
        UNION ALL
        SELECT asset_id, 0, 0, count(*)
          FROM heimdex.description
         WHERE owner_id = %(owner)s AND text IS NOT NULL
           AND (%(assets)s::uuid[] IS NULL OR asset_id = ANY(%(assets)s)) GROUP BY asset_id) counted
 GROUP BY asset_id;

-- name: count_waiting
-- Present assets that a later stage is for, whose scenes are there, and which it has not come to.
SELECT wanted.stage, count(*)
  FROM (VALUES ('speech', 'photo'), ('writing', 'audio'), ('description', 'audio'), ('text', ''))
       AS wanted(stage, never)
  JOIN heimdex.asset a ON a.owner_id = %(owner)s AND a.present AND a.kind <> wanted.never
 WHERE EXISTS (
       SELECT FROM heimdex.stage_run
        WHERE owner_id = a.owner_id AND asset_id = a.asset_id AND stage = 'scenes' AND state IN ('done', 'empty'))
   AND NOT EXISTS (
       SELECT FROM heimdex.stage_run
        WHERE owner_id = a.owner_id AND asset_id = a.asset_id AND stage = wanted.stage
          AND state IN ('done', 'empty', 'failed', 'skipped'))
 GROUP BY wanted.stage ORDER BY wanted.stage;
