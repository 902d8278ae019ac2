-- What is still to be made of one model's vectors, and how far an asset has come with them. `due` stands in the
-- others where they say so.

-- name: due
-- Assets whose scenes are there and whose vectors of a model are not: the stage has not ended for this content
-- and version, or rows are missing although it says it has. What failed counts only when asked for. `stale`:
-- the vectors that are there were made by another version, or of another content.
SELECT a.owner_id, a.asset_id,
       p.state IS NOT NULL AND (p.stage_version <> %(version)s OR p.content_hash <> a.content_hash) AS stale
  FROM heimdex.asset a
  JOIN heimdex.stage_run s
    ON s.owner_id = a.owner_id AND s.asset_id = a.asset_id AND s.stage = 'scenes' AND s.model_id = 0
   AND s.state IN ('done', 'empty') AND s.stage_version = %(scenes_version)s
   AND s.content_hash = a.content_hash
  LEFT JOIN heimdex.stage_run p
    ON p.owner_id = a.owner_id AND p.asset_id = a.asset_id AND p.stage = 'picture'
   AND p.model_id = %(model)s
 WHERE a.owner_id = %(owner)s /* only */
   AND (%(force)s OR p.state IS NULL OR p.state NOT IN ('done', 'empty', 'failed')
        OR p.stage_version <> %(version)s OR p.content_hash <> a.content_hash
        OR CASE p.state WHEN 'failed' THEN %(failed)s
           ELSE (SELECT count(*) FROM heimdex.keyframe k
                  WHERE k.owner_id = a.owner_id AND k.asset_id = a.asset_id) * %(width)s
                <> (SELECT count(*) FROM heimdex.vector v
                     WHERE v.owner_id = a.owner_id AND v.asset_id = a.asset_id
                       AND v.space_id = ANY(%(spaces)s)) END)

-- name: only_assets
-- Only these.
AND a.asset_id = ANY(%(assets)s::uuid[])

-- name: only_after
-- Only those that follow.
AND a.asset_id > %(after)s::uuid

-- name: next_due
-- The next assets that are due, with how many scenes they have that can be seen.
SELECT d.asset_id::text, (SELECT count(DISTINCT k.scene_id) FROM heimdex.keyframe k
                           WHERE k.owner_id = d.owner_id AND k.asset_id = d.asset_id)
  FROM (/* due */) d ORDER BY d.asset_id LIMIT {limit};

-- name: still_due
-- Which of some assets are due.
SELECT d.asset_id::text, d.stale FROM (/* due */) d ORDER BY d.asset_id;

-- name: lacking_frames
-- The kept frames of due assets that are to be encoded: those without a row in each space; with `failed` those
-- without a vector too, with `force` all.
SELECT k.asset_id::text, k.scene_id::text, k.keyframe_id::text, k.rank, k.at_us, k.width, k.height,
       k.frame_quality, k.frame_key, k.frame_sha256, k.frame_bytes, k.thumbnail_key, k.thumbnail_sha256,
       k.thumbnail_bytes
  FROM (/* due */) d
  JOIN heimdex.keyframe k ON k.owner_id = d.owner_id AND k.asset_id = d.asset_id
  JOIN heimdex.scene s ON s.owner_id = k.owner_id AND s.scene_id = k.scene_id
 WHERE /* lacking */
 ORDER BY k.asset_id, s.position, k.rank;

-- name: lacking
-- A kept frame that is to be encoded.
(d.stale OR %(force)s
 OR (SELECT count(*) FROM heimdex.vector v
      WHERE v.owner_id = k.owner_id AND v.keyframe_id = k.keyframe_id
        AND v.space_id = ANY(%(spaces)s)) <> %(width)s
 OR (%(failed)s AND EXISTS (SELECT FROM heimdex.vector v
                             WHERE v.owner_id = k.owner_id AND v.keyframe_id = k.keyframe_id
                               AND v.space_id = ANY(%(spaces)s) AND v.embedding IS NULL)))

-- name: count_backlog
-- How much is due: assets, scenes, kept frames.
SELECT count(DISTINCT d.asset_id), count(DISTINCT k.scene_id), count(k.keyframe_id)
  FROM (/* due */) d
  LEFT JOIN heimdex.keyframe k
    ON k.owner_id = d.owner_id AND k.asset_id = d.asset_id AND /* lacking */;

-- name: count_given_up
-- Scenes that lack a vector in an asset whose stage failed.
SELECT count(DISTINCT k.scene_id)
  FROM heimdex.stage_run p
  JOIN heimdex.asset a ON a.owner_id = p.owner_id AND a.asset_id = p.asset_id /* only */
  JOIN heimdex.keyframe k ON k.owner_id = p.owner_id AND k.asset_id = p.asset_id
 WHERE p.owner_id = %(owner)s AND p.stage = 'picture' AND p.model_id = %(model)s AND p.state = 'failed'
   AND p.stage_version = %(version)s AND p.content_hash = a.content_hash
   AND (SELECT count(*) FROM heimdex.vector v
         WHERE v.owner_id = k.owner_id AND v.keyframe_id = k.keyframe_id AND v.space_id = ANY(%(spaces)s)
           AND v.embedding IS NOT NULL) <> %(width)s;

-- name: stored_vectors
-- How far an asset has come with a model: its kept frames, its rows, the frames without a vector, and why.
SELECT (SELECT count(*) FROM heimdex.keyframe k
         WHERE k.owner_id = %(owner)s AND k.asset_id = %(asset)s) AS frames,
       count(*) AS rows, count(DISTINCT v.keyframe_id) FILTER (WHERE v.embedding IS NULL) AS failed,
       (array_agg(v.metadata ->> 'error' ORDER BY v.keyframe_id)
           FILTER (WHERE v.embedding IS NULL))[1] AS error
  FROM heimdex.vector v
 WHERE v.owner_id = %(owner)s AND v.asset_id = %(asset)s AND v.space_id = ANY(%(spaces)s);

-- name: put_back
-- An attempt that ends before its stage does: what it wrote is kept, the rest is for another.
UPDATE heimdex.stage_run
   SET state = 'pending', row_count = %(row_count)s, error = NULL, finished_at = NULL, duration_ms = NULL
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND stage = %(stage)s AND model_id = %(model)s
   AND attempt = %(attempt)s;
