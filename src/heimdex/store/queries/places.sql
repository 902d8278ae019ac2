-- name: places_of_scenes
-- Where some scenes stand: in which asset, as which of its scenes.
SELECT scene_id::text, asset_id::text, position FROM heimdex.scene
 WHERE owner_id = %(owner)s AND scene_id = ANY(%(scenes)s::uuid[]);

-- name: paths_of_scenes
-- The paths at which the files of some scenes are now.
SELECT s.scene_id::text, array_agg(f.path ORDER BY f.path)
  FROM heimdex.scene s
  JOIN heimdex.file f ON f.owner_id = s.owner_id AND f.asset_id = s.asset_id AND f.state = 'present'
 WHERE s.owner_id = %(owner)s AND s.scene_id = ANY(%(scenes)s::uuid[])
 GROUP BY s.scene_id;
