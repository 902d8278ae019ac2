-- name: assets_page
-- Some assets with their facts in the order of their ids, which is that of their arrival, after one of them.
SELECT asset_id::text, encode(content_hash, 'hex'), size_bytes, present, note, title,
       corrected_at IS NOT NULL, kind, container, video_codec, audio_codec, width, height, rotation,
       duration_us, frame_rate, zero_us, video_offset_us, audio_offset_us, interlaced, transfer, clock_breaks,
       captured_at, taken_at, camera, latitude, longitude
  FROM heimdex.asset
 WHERE owner_id = %(owner)s AND (%(after)s::uuid IS NULL OR asset_id > %(after)s)
   AND (%(kind)s::text IS NULL OR kind = %(kind)s)
 ORDER BY asset_id LIMIT %(limit)s;

-- name: paths_of_assets
-- The paths of some assets, those that are there first.
SELECT asset_id::text, path_bytes, path, state FROM heimdex.file
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s) ORDER BY asset_id, state DESC, path_bytes;

-- name: keyframe
-- One kept frame.
SELECT k.asset_id::text, k.scene_id::text, k.keyframe_id::text, k.rank, k.at_us, k.width, k.height,
       k.frame_quality, k.frame_key, k.frame_sha256, k.frame_bytes, k.thumbnail_key, k.thumbnail_sha256,
       k.thumbnail_bytes
  FROM heimdex.keyframe k
 WHERE k.owner_id = %(owner)s AND k.keyframe_id = %(keyframe)s;

-- name: best_keyframes
-- The best kept frames of some scenes.
SELECT k.asset_id::text, k.scene_id::text, k.keyframe_id::text, k.rank, k.at_us, k.width, k.height,
       k.frame_quality, k.frame_key, k.frame_sha256, k.frame_bytes, k.thumbnail_key, k.thumbnail_sha256,
       k.thumbnail_bytes
  FROM heimdex.keyframe k
 WHERE k.owner_id = %(owner)s AND k.scene_id = ANY(%(scenes)s::uuid[]) AND k.rank = 0;

-- name: best_keyframe
-- The best kept frame of a scene.
SELECT k.asset_id::text, k.scene_id::text, k.keyframe_id::text, k.rank, k.at_us, k.width, k.height,
       k.frame_quality, k.frame_key, k.frame_sha256, k.frame_bytes, k.thumbnail_key, k.thumbnail_sha256,
       k.thumbnail_bytes
  FROM heimdex.keyframe k
 WHERE k.owner_id = %(owner)s AND k.scene_id = %(scene)s AND k.rank = 0;
