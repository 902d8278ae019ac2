-- name: delete_scenes
-- A stage replaces its own rows; keyframes and vectors go with their scenes.
DELETE FROM heimdex.scene WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: insert_scene
-- One scene.
INSERT INTO heimdex.scene (owner_id, scene_id, asset_id, position, start_us, end_us, motion_energy,
    motion_pan, motion_tilt, motion_zoom, motion_change)
VALUES (%(owner)s, %(scene)s, %(asset)s, %(position)s, %(start_us)s, %(end_us)s, %(energy)s, %(pan)s,
    %(tilt)s, %(zoom)s, %(change)s);

-- name: insert_keyframe
-- One kept frame.
INSERT INTO heimdex.keyframe (owner_id, keyframe_id, scene_id, asset_id, rank, at_us, width, height,
    frame_quality, frame_key, frame_sha256, frame_bytes, thumbnail_key, thumbnail_sha256, thumbnail_bytes)
VALUES (%(owner)s, %(keyframe)s, %(scene)s, %(asset)s, %(rank)s, %(at_us)s, %(width)s, %(height)s,
    %(frame_quality)s, %(frame_key)s, %(frame_sha256)s, %(frame_bytes)s, %(thumbnail_key)s,
    %(thumbnail_sha256)s, %(thumbnail_bytes)s);

-- name: scenes_of_asset
-- The scenes of one asset in order.
SELECT scene_id::text, position, start_us, end_us, motion_energy, motion_pan, motion_tilt, motion_zoom,
       motion_change
  FROM heimdex.scene WHERE owner_id = %(owner)s AND asset_id = %(asset)s ORDER BY position;

-- name: keyframes_of_assets
-- The kept frames of some assets, best first within each scene.
SELECT k.asset_id::text, k.scene_id::text, k.keyframe_id::text, k.rank, k.at_us, k.width, k.height,
       k.frame_quality, k.frame_key, k.frame_sha256, k.frame_bytes, k.thumbnail_key, k.thumbnail_sha256,
       k.thumbnail_bytes
  FROM heimdex.keyframe k JOIN heimdex.scene s USING (owner_id, scene_id)
 WHERE k.owner_id = %(owner)s AND k.asset_id = ANY(%(assets)s)
 ORDER BY k.asset_id, s.position, k.rank;

-- name: find_scene
-- Where a scene belongs.
SELECT asset_id::text, position, start_us, end_us FROM heimdex.scene
 WHERE owner_id = %(owner)s AND scene_id = %(scene)s;
