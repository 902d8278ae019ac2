-- What `verify` reads of words. As in verify.sql, no statement is shared with what writes them.

-- name: text_flaws
-- Texts of scenes without a vector although the stage is done for the model, and vectors that are not what was
-- written, of another length than their space, not of norm 1, or under another asset than their scene.
WITH wanted AS (
    SELECT s.asset_id, s.scene_id, s.position, s.start_us, part.channel
      FROM heimdex.stage_run r
      JOIN heimdex.scene s ON s.owner_id = r.owner_id AND s.asset_id = r.asset_id
      JOIN heimdex.scene_words w ON w.owner_id = s.owner_id AND w.scene_id = s.scene_id
     CROSS JOIN LATERAL (VALUES ('transcript', w.said IS NOT NULL), ('description', w.described IS NOT NULL),
                                ('summary', w.said IS NOT NULL OR w.described IS NOT NULL))
                        AS part(channel, there)
     WHERE r.owner_id = %(owner)s AND r.asset_id = ANY(%(assets)s) AND r.stage = 'text'
       AND r.model_id = %(model)s AND r.state = 'done' AND part.there),
seen AS (
    SELECT s.asset_id, s.scene_id, s.position, s.start_us, t.channel, t.embedding, t.checksum, p.dim,
           t.asset_id AS filed
      FROM heimdex.scene s
      JOIN heimdex.text_vector t ON t.owner_id = s.owner_id AND t.scene_id = s.scene_id
      JOIN heimdex.space p USING (space_id)
     WHERE s.owner_id = %(owner)s AND s.asset_id = ANY(%(assets)s) AND p.model_id = %(model)s)
SELECT w.asset_id::text, w.scene_id::text, w.position, w.start_us, w.channel, 'missing'
  FROM wanted w LEFT JOIN seen USING (scene_id, channel)
 WHERE seen.embedding IS NULL
UNION ALL
SELECT asset_id::text, scene_id::text, position, start_us, channel,
       CASE WHEN filed <> asset_id THEN 'astray' ELSE 'altered' END
  FROM seen
 WHERE filed <> asset_id
    OR (embedding IS NOT NULL
        AND (vector_dims(embedding) <> dim OR NOT abs(l2_norm(embedding) - 1) <= 0.002
             OR sha256(halfvec_send(embedding)) IS DISTINCT FROM checksum))
 ORDER BY 1, 3, 5;

-- name: term_flaws
-- Assets whose terms point to scenes they do not have, or whose words have no terms. A sentence of one word may
-- have none: it may be one that everybody says.
SELECT a.asset_id::text, 'astray', (
       SELECT count(*) FROM heimdex.posting p
        WHERE p.owner_id = a.owner_id AND p.asset_id = a.asset_id
          AND NOT p.scenes <@ coalesce((SELECT array_agg(s.scene_id) FROM heimdex.scene s
                                         WHERE s.owner_id = a.owner_id AND s.asset_id = a.asset_id), '{}'))
  FROM heimdex.asset a WHERE a.owner_id = %(owner)s AND a.asset_id = ANY(%(assets)s)
UNION ALL
SELECT w.asset_id::text, 'missing', count(*)
  FROM heimdex.scene_words w
 CROSS JOIN LATERAL (VALUES (1, w.said LIKE '%% %%'), (2, w.written LIKE '%% %%'),
                            (3, w.described LIKE '%% %%')) AS part(channel, there)
 WHERE w.owner_id = %(owner)s AND w.asset_id = ANY(%(assets)s) AND part.there
   AND NOT EXISTS (SELECT FROM heimdex.posting p
                    WHERE p.owner_id = w.owner_id AND p.channel = part.channel AND p.asset_id = w.asset_id)
 GROUP BY w.asset_id;
