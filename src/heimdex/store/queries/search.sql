-- name: set_up_search
-- For this transaction: how far HNSW looks, and no parallel workers, which take longer to start than to help.
SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %(ef)s::text, true),
       set_config('hnsw.max_scan_tuples', %(tuples)s::text, true),
       set_config('max_parallel_workers_per_gather', '0', true);

-- name: count_rows
-- Rows of one space that pass the filters, counted no further than the limit.
SELECT count(*) FROM (
    SELECT FROM heimdex.vector v JOIN heimdex.asset a USING (owner_id, asset_id)
     WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.embedding IS NOT NULL
       AND a.present /* filters */ /* scene filters */
     LIMIT {limit}) counted;

-- name: count_space
-- Rows of one space without filters, counted no further than the limit, from the index alone.
SELECT count(*) FROM (
    SELECT FROM heimdex.vector v
     WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} LIMIT {limit}) counted;

-- name: nearest_exact
-- The scenes nearest to a vector, by a scan of every row that passes the filters.
SELECT v.scene_id::text, min(v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim})) AS distance
  FROM heimdex.vector v JOIN heimdex.asset a USING (owner_id, asset_id)
 WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.embedding IS NOT NULL
   AND a.present /* frames */ /* filters */ /* scene filters */
 GROUP BY v.scene_id ORDER BY distance, v.scene_id LIMIT {limit};

-- name: nearest_exact_mean
-- The scenes whose frames are nearest to a vector on average, by a scan of every row that passes the filters.
SELECT v.scene_id::text, avg(v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim})) AS distance
  FROM heimdex.vector v JOIN heimdex.asset a USING (owner_id, asset_id)
 WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.embedding IS NOT NULL
   AND a.present /* filters */ /* scene filters */
 GROUP BY v.scene_id ORDER BY distance, v.scene_id LIMIT {limit};

-- name: nearest_indexed
-- The scenes nearest to a vector, by the HNSW index of the space.
SELECT scene_id::text, min(distance) AS distance
  FROM (SELECT v.scene_id, v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim}) AS distance
          FROM heimdex.vector v JOIN heimdex.asset a USING (owner_id, asset_id)
         WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.embedding IS NOT NULL
           AND a.present /* frames */ /* filters */ /* scene filters */
         ORDER BY v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim}) LIMIT {limit}) nearest
 GROUP BY scene_id ORDER BY distance, scene_id;

-- name: nearest_indexed_mean
-- The scenes whose frames are nearest to a vector on average, among those with a frame that the HNSW index finds
-- near: no frame's mean is nearer than its nearest.
SELECT v.scene_id::text, avg(v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim})) AS distance
  FROM (SELECT v.scene_id
          FROM heimdex.vector v JOIN heimdex.asset a USING (owner_id, asset_id)
         WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.embedding IS NOT NULL
           AND a.present /* filters */ /* scene filters */
         ORDER BY v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim}) LIMIT {limit}) near
  JOIN heimdex.vector v
    ON v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.scene_id = near.scene_id
   AND v.embedding IS NOT NULL
 GROUP BY v.scene_id ORDER BY distance, v.scene_id;

-- name: frames_best
-- Only the best picture of each scene.
AND v.rank = 0

-- name: score_scenes
-- Each candidate's nearest frame, the exact distance that counts, and that frame's calibration where it is asked for.
SELECT near.scene_id::text, near.rank, near.counted, c.mean, c.deviation
  FROM (SELECT DISTINCT ON (scene_id) scene_id, rank, /* counted */ AS counted
          FROM (SELECT v.scene_id, v.rank, v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim}) AS distance
                  FROM heimdex.vector v
                 WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.scene_id = ANY(%(scenes)s::uuid[])
                   AND v.embedding IS NOT NULL /* frames */) frames
         ORDER BY scene_id, distance, rank) near
  /* calibrations */;

-- name: counted_nearest
-- What counts of a scene is its nearest frame.
distance

-- name: counted_mean
-- What counts of a scene are its frames on average.
avg(distance) OVER (PARTITION BY scene_id)

-- name: with_calibrations
-- Frames with what is known of their hubness.
LEFT JOIN heimdex.calibration c
    ON c.owner_id = %(owner)s AND c.space_id = {space_id} AND c.scene_id = near.scene_id AND c.rank = near.rank

-- name: without_calibrations
-- Frames of a space in which no texts are compared.
CROSS JOIN (SELECT NULL::real AS mean, NULL::real AS deviation) c

-- name: assets_by_path
-- Assets whose paths hold some of the words: of each word no more than the limit, then all the words of those.
WITH met AS MATERIALIZED (
    SELECT DISTINCT picked.asset_id FROM unnest(%(words)s::text[]) AS asked(word)
     CROSS JOIN LATERAL (
        SELECT w.asset_id FROM heimdex.path_word w JOIN heimdex.asset a USING (owner_id, asset_id)
         WHERE w.owner_id = %(owner)s AND w.word = asked.word AND a.present /* filters */
         -- In one order for all words, so that an asset with two common ones is likely to be met.
         ORDER BY w.asset_id LIMIT {limit}) picked)
SELECT w.asset_id::text, array_agg(w.word ORDER BY w.word)
  FROM met JOIN heimdex.path_word w
    ON w.owner_id = %(owner)s AND w.asset_id = met.asset_id AND w.word = ANY(%(words)s)
 GROUP BY w.asset_id;

-- name: path_words_of_assets
-- Which of the words stand in the paths of some assets.
SELECT w.asset_id::text, array_agg(w.word ORDER BY w.word)
  FROM heimdex.path_word w
 WHERE w.owner_id = %(owner)s AND w.word = ANY(%(words)s) AND w.asset_id = ANY(%(assets)s::uuid[])
 GROUP BY w.asset_id;

-- name: word_frequencies
-- In how many assets' paths each word stands, counted no further than the limit.
SELECT asked.word, (SELECT count(*) FROM (
    SELECT FROM heimdex.path_word w
     WHERE w.owner_id = %(owner)s AND w.word = asked.word LIMIT {limit}) counted)
  FROM unnest(%(words)s::text[]) AS asked(word);

-- name: count_assets
-- Assets of the owner, counted no further than the limit.
SELECT count(*) FROM (SELECT FROM heimdex.asset WHERE owner_id = %(owner)s LIMIT {limit}) counted;

-- name: scenes_of_assets
-- Scenes of some assets, in order, no more of each than the limit.
SELECT picked.scene_id::text
  FROM unnest(%(assets)s::uuid[]) AS asked(asset_id)
 CROSS JOIN LATERAL (
    SELECT s.scene_id FROM heimdex.scene s
     WHERE s.owner_id = %(owner)s AND s.asset_id = asked.asset_id /* scene filters */
     ORDER BY s.position LIMIT {limit}) picked;

-- name: describe_scenes
-- What a hit shows of each scene.
SELECT s.scene_id::text, s.asset_id::text, a.kind, s.start_us, s.end_us, k.thumbnail_key, f.path, k.times
  FROM heimdex.scene s
  JOIN heimdex.asset a USING (owner_id, asset_id)
 CROSS JOIN LATERAL (
    SELECT max(thumbnail_key) FILTER (WHERE rank = 0) AS thumbnail_key, jsonb_object_agg(rank, at_us) AS times
      FROM heimdex.keyframe k WHERE k.owner_id = s.owner_id AND k.scene_id = s.scene_id) k
 CROSS JOIN LATERAL (
    SELECT path FROM heimdex.file f
     WHERE f.owner_id = s.owner_id AND f.asset_id = s.asset_id AND f.state = 'present' /* within */
     ORDER BY f.path_bytes LIMIT 1) f
 WHERE s.owner_id = %(owner)s AND s.scene_id = ANY(%(scenes)s::uuid[]) AND a.present;

-- name: coverage
-- Present assets that should have pictures, and those of them whose picture stage is done for the model.
SELECT count(*) AS wanted, count(r.asset_id) AS covered
  FROM heimdex.asset a
  LEFT JOIN heimdex.stage_run r
    ON r.owner_id = a.owner_id AND r.asset_id = a.asset_id AND r.stage = 'picture'
   AND r.model_id = %(model)s AND r.state IN ('done', 'empty')
 WHERE a.owner_id = %(owner)s AND a.present AND a.kind <> 'audio';

-- name: filter_kind
-- Only videos, photos or sound.
AND a.kind = %(kind)s

-- name: filter_since
-- Taken at this time or later.
AND a.taken_at >= %(since)s

-- name: filter_until
-- Taken before this time.
AND a.taken_at < %(until)s

-- name: filter_asset
-- Only one asset.
AND a.asset_id = %(asset)s

-- name: filter_within
-- Only below a folder, or one file.
AND EXISTS (SELECT FROM heimdex.file f
             WHERE f.owner_id = a.owner_id AND f.asset_id = a.asset_id AND f.state = 'present'
               AND (f.path_bytes = %(within)s
                    OR f.path_bytes >= %(within_from)s AND f.path_bytes < %(within_to)s))

-- name: path_within
-- The path a hit shows lies within the filter.
AND (f.path_bytes = %(within)s OR f.path_bytes >= %(within_from)s AND f.path_bytes < %(within_to)s)

-- name: filter_language
-- Only what is spoken in this language.
AND EXISTS (SELECT FROM heimdex.transcript t
             WHERE t.owner_id = a.owner_id AND t.asset_id = a.asset_id AND t.language = %(language)s)

-- name: filter_scene
-- Only scenes that are so themselves.
AND EXISTS (SELECT FROM heimdex.scene own
             WHERE own.owner_id = %(owner)s AND own.scene_id = /* scene */.scene_id /* wanted */)

-- name: scene_longer
-- No shorter than this.
AND own.end_us - own.start_us >= %(longer)s

-- name: scene_still
-- Hardly anything changes; docs/reference/query-language.md says where these lines come from.
AND own.motion_energy < 0.04

-- name: scene_slow
-- Something moves a little, as a person who talks.
AND own.motion_energy >= 0.04 AND own.motion_energy < 0.2

-- name: scene_fast
-- Much changes quickly.
AND own.motion_energy >= 0.4

-- name: scene_pan
-- The camera turns; in a picture where nothing changes the measure is noise.
AND own.motion_energy >= 0.04 AND greatest(abs(own.motion_pan), abs(own.motion_tilt)) >= 0.05

-- name: scene_zoom
-- The camera comes nearer or draws back.
AND own.motion_energy >= 0.04 AND abs(own.motion_zoom) >= 0.05
