-- name: places_of_scenes
-- Where some scenes stand: in which asset, as which of its scenes.
SELECT scene_id::text, asset_id::text, position FROM heimdex.scene
 WHERE owner_id = %(owner)s AND scene_id = ANY(%(scenes)s::uuid[]);
