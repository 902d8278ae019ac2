-- name: delete_lines
-- A stage replaces its own rows.
DELETE FROM heimdex.text_line WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: insert_line
-- One line.
INSERT INTO heimdex.text_line (owner_id, line_id, asset_id, scene_id, at_us, start_us, end_us, text, box,
    confidence, script)
VALUES (%(owner)s, %(line)s, %(asset)s, %(scene)s, %(at_us)s, %(start_us)s, %(end_us)s, %(text)s,
    %(box)s::real[], %(confidence)s, %(script)s);

-- name: lines_of_asset
-- The lines of an asset by the time they appear.
SELECT line_id::text, scene_id::text, at_us, start_us, end_us, text, box, confidence, script
  FROM heimdex.text_line WHERE owner_id = %(owner)s AND asset_id = %(asset)s
 ORDER BY start_us, box[2], box[1], line_id;

-- name: lines_of_scenes
-- The lines whose span overlaps some scenes; a photo's scene and lines have no length, hence the first clause.
SELECT s.scene_id::text, l.line_id::text, l.scene_id::text, l.at_us, l.start_us, l.end_us, l.text, l.box,
       l.confidence, l.script
  FROM heimdex.scene s
  JOIN heimdex.text_line l ON l.owner_id = s.owner_id AND l.asset_id = s.asset_id
   AND (l.scene_id = s.scene_id OR (l.start_us < s.end_us AND l.end_us > s.start_us))
 WHERE s.owner_id = %(owner)s AND s.scene_id = ANY(%(scenes)s::uuid[])
 ORDER BY s.asset_id, s.position, l.start_us, l.box[2], l.box[1], l.line_id;
