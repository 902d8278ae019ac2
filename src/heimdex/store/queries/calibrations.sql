-- name: uncalibrated
-- Vectors of a space that have no calibration of this version yet, in order, from some place on.
SELECT v.scene_id::text, v.rank, v.embedding
  FROM heimdex.vector v
  LEFT JOIN heimdex.calibration c
    ON c.owner_id = v.owner_id AND c.space_id = v.space_id AND c.scene_id = v.scene_id AND c.rank = v.rank
   AND c.version = %(version)s
 WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.embedding IS NOT NULL AND c.scene_id IS NULL
   AND (v.scene_id, v.rank) > (%(scene)s::uuid, %(rank)s)
 ORDER BY v.scene_id, v.rank LIMIT {limit};

-- name: write_calibrations
-- Calibrations of vectors that are still there, in place of older ones.
INSERT INTO heimdex.calibration (owner_id, space_id, scene_id, rank, version, mean, deviation, draw)
SELECT %(owner)s, {space_id}, v.scene_id, v.rank, %(version)s, made.mean, made.deviation,
       ('x' || left(md5(v.scene_id::text || '/' || v.rank::text), 8))::bit(32)::bigint / 4294967296.0
  FROM unnest(%(scenes)s::uuid[], %(ranks)s::smallint[], %(means)s::real[], %(deviations)s::real[])
       AS made(scene_id, rank, mean, deviation)
  JOIN heimdex.vector v
    ON v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.scene_id = made.scene_id AND v.rank = made.rank
ON CONFLICT (owner_id, space_id, scene_id, rank)
DO UPDATE SET version = excluded.version, mean = excluded.mean, deviation = excluded.deviation;

-- name: sample
-- A fair sample of a space's calibrated rows: those with the least draws.
SELECT c.draw, c.mean, c.deviation, v.embedding
  FROM (SELECT scene_id, rank, draw, mean, deviation FROM heimdex.calibration
         WHERE owner_id = %(owner)s AND space_id = {space_id} ORDER BY draw LIMIT {limit}) c
  JOIN heimdex.vector v
    ON v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.scene_id = c.scene_id AND v.rank = c.rank
 ORDER BY c.draw;
