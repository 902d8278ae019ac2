-- name: find_asset_by_hash
-- The asset that has this content.
SELECT asset_id::text FROM heimdex.asset WHERE owner_id = %(owner)s AND content_hash = %(content_hash)s;

-- name: hold_asset_by_hash
-- The asset that has this content; it cannot be removed before this transaction ends.
SELECT asset_id::text FROM heimdex.asset
 WHERE owner_id = %(owner)s AND content_hash = %(content_hash)s FOR KEY SHARE;

-- name: insert_asset
-- A new asset; where another process was faster, nothing is returned.
INSERT INTO heimdex.asset (owner_id, asset_id, content_hash, size_bytes, kind, container, video_codec,
    audio_codec, width, height, rotation, duration_us, frame_rate, zero_us, video_offset_us, audio_offset_us,
    interlaced, transfer, clock_breaks, captured_at, taken_at, camera, latitude, longitude)
VALUES (%(owner)s, %(asset)s, %(content_hash)s, %(size)s, %(kind)s, %(container)s, %(video_codec)s,
    %(audio_codec)s, %(width)s, %(height)s, %(rotation)s, %(duration_us)s, %(frame_rate)s, %(zero_us)s,
    %(video_offset_us)s, %(audio_offset_us)s, %(interlaced)s, %(transfer)s, %(clock_breaks)s, %(captured_at)s,
    %(taken_at)s, %(camera)s, %(latitude)s, %(longitude)s)
ON CONFLICT (owner_id, content_hash) DO NOTHING
RETURNING asset_id::text;

-- name: update_facts
-- The facts of an asset, probed again.
UPDATE heimdex.asset
   SET kind = %(kind)s, container = %(container)s, video_codec = %(video_codec)s,
       audio_codec = %(audio_codec)s, width = %(width)s, height = %(height)s, rotation = %(rotation)s,
       duration_us = %(duration_us)s, frame_rate = %(frame_rate)s, zero_us = %(zero_us)s,
       video_offset_us = %(video_offset_us)s, audio_offset_us = %(audio_offset_us)s,
       interlaced = %(interlaced)s, transfer = %(transfer)s,
       clock_breaks = %(clock_breaks)s, captured_at = %(captured_at)s,
       taken_at = COALESCE(corrected_at, %(taken_at)s), camera = %(camera)s,
       latitude = %(latitude)s, longitude = %(longitude)s
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: set_title
-- What people call it; NULL takes that back.
UPDATE heimdex.asset SET title = %(title)s WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: correct_time
-- When it was taken, as people say; NULL takes that back, and it is filed as its file says.
UPDATE heimdex.asset a
   SET corrected_at = %(at)s,
       taken_at = COALESCE(%(at)s, a.captured_at,
                           (SELECT to_timestamp(min(f.modified_ns) / 1e9) FROM heimdex.file f
                             WHERE f.owner_id = a.owner_id AND f.asset_id = a.asset_id AND f.modified_ns >= 0),
                           a.taken_at)
 WHERE a.owner_id = %(owner)s AND a.asset_id = %(asset)s;

-- name: set_note
-- What the decoder had to go round.
UPDATE heimdex.asset SET note = %(note)s WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: get_assets
-- Assets with their facts, by id.
SELECT asset_id::text, encode(content_hash, 'hex'), size_bytes, present, note, title,
       corrected_at IS NOT NULL, kind, container, video_codec, audio_codec, width, height, rotation,
       duration_us, frame_rate, zero_us, video_offset_us, audio_offset_us, interlaced, transfer, clock_breaks,
       captured_at, taken_at, camera, latitude, longitude
  FROM heimdex.asset WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s) ORDER BY asset_id;

-- name: list_assets
-- All assets with their facts, oldest first.
SELECT asset_id::text, encode(content_hash, 'hex'), size_bytes, present, note, title,
       corrected_at IS NOT NULL, kind, container, video_codec, audio_codec, width, height, rotation,
       duration_us, frame_rate, zero_us, video_offset_us, audio_offset_us, interlaced, transfer, clock_breaks,
       captured_at, taken_at, camera, latitude, longitude
  FROM heimdex.asset WHERE owner_id = %(owner)s ORDER BY asset_id;

-- name: list_asset_ids
-- Every asset's id.
SELECT asset_id::text FROM heimdex.asset WHERE owner_id = %(owner)s;

-- name: delete_assets
-- Assets and, by cascade, everything derived from them in the database.
DELETE FROM heimdex.asset WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s);

-- name: list_paths
-- The paths of every asset.
SELECT asset_id::text, path_bytes, path, state FROM heimdex.file
 WHERE owner_id = %(owner)s AND asset_id IS NOT NULL ORDER BY asset_id, state DESC, path_bytes;

-- name: count_library
-- How much there is.
SELECT (SELECT count(*) FROM heimdex.asset WHERE owner_id = %(owner)s) AS assets,
       (SELECT count(*) FROM heimdex.asset WHERE owner_id = %(owner)s AND NOT present) AS missing,
       (SELECT count(*) FROM heimdex.file WHERE owner_id = %(owner)s AND state = 'refused') AS refused,
       (SELECT count(*) FROM heimdex.scene WHERE owner_id = %(owner)s) AS scenes,
       (SELECT count(*) FROM heimdex.keyframe WHERE owner_id = %(owner)s) AS keyframes,
       (SELECT coalesce(sum(duration_us), 0) FROM heimdex.asset WHERE owner_id = %(owner)s) AS duration_us;

-- name: count_kinds
-- Assets by kind.
SELECT kind, count(*) FROM heimdex.asset WHERE owner_id = %(owner)s GROUP BY kind ORDER BY kind;
