-- The whole index of an owner, table by table, as JSON: out to an open index, and in from one. Rows come by asset, in
-- the order of their ids, so that several tables can be read side by side. `asset`: of that one alone.

-- name: read_assets
-- What the files are.
SELECT to_jsonb(a) FROM heimdex.asset a
 WHERE a.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR a.asset_id = %(asset)s)
 ORDER BY a.asset_id;

-- name: read_files
-- The paths; first those that were refused and lead to no asset.
SELECT to_jsonb(f) FROM heimdex.file f
 WHERE f.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR f.asset_id = %(asset)s)
 ORDER BY f.asset_id NULLS FIRST, f.path_bytes;

-- name: read_scenes
-- The scenes.
SELECT to_jsonb(s) FROM heimdex.scene s
 WHERE s.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR s.asset_id = %(asset)s)
 ORDER BY s.asset_id, s.position;

-- name: read_keyframes
-- The kept frames.
SELECT to_jsonb(k) FROM heimdex.keyframe k
 WHERE k.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR k.asset_id = %(asset)s)
 ORDER BY k.asset_id, k.scene_id, k.rank;

-- name: read_vectors
-- The vectors of kept frames, by the names of their models.
SELECT to_jsonb(v) || jsonb_build_object('model', m.name, 'precision', m.precision,
                                         'weights_sha256', m.weights_sha256, 'space', p.name)
  FROM heimdex.vector v JOIN heimdex.space p USING (space_id) JOIN heimdex.model m USING (model_id)
 WHERE v.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR v.asset_id = %(asset)s)
 ORDER BY v.asset_id, v.scene_id, v.rank, v.space_id;

-- name: read_calibrations
-- How those vectors take to texts as such.
SELECT to_jsonb(c) || jsonb_build_object('model', m.name, 'precision', m.precision,
           'weights_sha256', m.weights_sha256, 'space', p.name, 'asset_id', s.asset_id)
  FROM heimdex.calibration c JOIN heimdex.scene s USING (owner_id, scene_id)
  JOIN heimdex.space p USING (space_id) JOIN heimdex.model m USING (model_id)
 WHERE c.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR s.asset_id = %(asset)s)
 ORDER BY s.asset_id, c.scene_id, c.rank, c.space_id;

-- name: read_transcripts
-- What was listened to.
SELECT to_jsonb(t) FROM heimdex.transcript t
 WHERE t.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR t.asset_id = %(asset)s)
 ORDER BY t.asset_id;

-- name: read_utterances
-- What is said.
SELECT to_jsonb(u) FROM heimdex.utterance u
 WHERE u.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR u.asset_id = %(asset)s)
 ORDER BY u.asset_id, u.position;

-- name: read_text_lines
-- What is written in the pictures.
SELECT to_jsonb(l) FROM heimdex.text_line l
 WHERE l.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR l.asset_id = %(asset)s)
 ORDER BY l.asset_id, l.start_us, l.line_id;

-- name: read_descriptions
-- What is described.
SELECT to_jsonb(d) FROM heimdex.description d
 WHERE d.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR d.asset_id = %(asset)s)
 ORDER BY d.asset_id, d.scene_id;

-- name: read_text_vectors
-- What a scene's words mean, by the names of the models.
SELECT to_jsonb(t) || jsonb_build_object('model', m.name, 'precision', m.precision,
                                         'weights_sha256', m.weights_sha256, 'space', p.name)
  FROM heimdex.text_vector t JOIN heimdex.space p USING (space_id) JOIN heimdex.model m USING (model_id)
 WHERE t.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR t.asset_id = %(asset)s)
 ORDER BY t.asset_id, t.scene_id, t.channel, t.space_id;

-- name: read_ledger
-- The ledger, by the names of the models.
SELECT to_jsonb(r) || jsonb_build_object('model', m.name, 'precision', m.precision,
                                         'weights_sha256', m.weights_sha256)
  FROM heimdex.stage_run r LEFT JOIN heimdex.model m ON m.model_id = r.model_id
 WHERE r.owner_id = %(owner)s AND (%(asset)s::uuid IS NULL OR r.asset_id = %(asset)s)
 ORDER BY r.asset_id, r.stage, r.model_id;

-- name: read_models
-- Every model that made something of the owner's, with its spaces.
SELECT m.name, m.precision, m.weights_sha256,
       coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.name, 'dim', p.dim) ORDER BY p.space_id)
                   FROM heimdex.space p WHERE p.model_id = m.model_id), '[]')
  FROM heimdex.model m
 WHERE EXISTS (SELECT FROM heimdex.stage_run r WHERE r.owner_id = %(owner)s AND r.model_id = m.model_id)
    OR EXISTS (SELECT FROM heimdex.space p JOIN heimdex.vector v USING (space_id)
                WHERE p.model_id = m.model_id AND v.owner_id = %(owner)s)
    OR EXISTS (SELECT FROM heimdex.space p JOIN heimdex.text_vector t USING (space_id)
                WHERE p.model_id = m.model_id AND t.owner_id = %(owner)s)
 ORDER BY m.model_id;

-- name: taken_ids
-- Which ids of an asset and what hangs on it the owner has in use already.
SELECT asset_id::text FROM heimdex.asset WHERE owner_id = %(owner)s AND asset_id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT scene_id::text FROM heimdex.scene WHERE owner_id = %(owner)s AND scene_id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT keyframe_id::text FROM heimdex.keyframe WHERE owner_id = %(owner)s AND keyframe_id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT utterance_id::text FROM heimdex.utterance
 WHERE owner_id = %(owner)s AND utterance_id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT line_id::text FROM heimdex.text_line WHERE owner_id = %(owner)s AND line_id = ANY(%(ids)s::uuid[])
LIMIT 1;

-- name: taken_paths
-- Which paths are on record already.
SELECT encode(path_bytes, 'hex') FROM heimdex.file
 WHERE owner_id = %(owner)s AND path_bytes IN (SELECT decode(p, 'hex') FROM unnest(%(paths)s::text[]) p);

-- name: write_assets
-- Assets, as they were.
INSERT INTO heimdex.asset SELECT * FROM jsonb_populate_recordset(NULL::heimdex.asset, %(rows)s);

-- name: write_files
-- Paths, as they were.
INSERT INTO heimdex.file SELECT * FROM jsonb_populate_recordset(NULL::heimdex.file, %(rows)s);

-- name: write_scenes
-- Scenes, as they were.
INSERT INTO heimdex.scene SELECT * FROM jsonb_populate_recordset(NULL::heimdex.scene, %(rows)s);

-- name: write_keyframes
-- Kept frames, as they were.
INSERT INTO heimdex.keyframe SELECT * FROM jsonb_populate_recordset(NULL::heimdex.keyframe, %(rows)s);

-- name: write_vectors
-- Vectors, as they were.
INSERT INTO heimdex.vector SELECT * FROM jsonb_populate_recordset(NULL::heimdex.vector, %(rows)s);

-- name: write_calibrations
-- Calibrations, as they were.
INSERT INTO heimdex.calibration SELECT * FROM jsonb_populate_recordset(NULL::heimdex.calibration, %(rows)s);

-- name: write_transcripts
-- What was listened to, as it was.
INSERT INTO heimdex.transcript SELECT * FROM jsonb_populate_recordset(NULL::heimdex.transcript, %(rows)s);

-- name: write_utterances
-- Sentences, as they were.
INSERT INTO heimdex.utterance SELECT * FROM jsonb_populate_recordset(NULL::heimdex.utterance, %(rows)s);

-- name: write_text_lines
-- Lines of writing, as they were.
INSERT INTO heimdex.text_line SELECT * FROM jsonb_populate_recordset(NULL::heimdex.text_line, %(rows)s);

-- name: write_descriptions
-- Descriptions, as they were.
INSERT INTO heimdex.description SELECT * FROM jsonb_populate_recordset(NULL::heimdex.description, %(rows)s);

-- name: write_text_vectors
-- Text vectors, as they were.
INSERT INTO heimdex.text_vector SELECT * FROM jsonb_populate_recordset(NULL::heimdex.text_vector, %(rows)s);

-- name: write_ledger
-- The ledger, as it was.
INSERT INTO heimdex.stage_run SELECT * FROM jsonb_populate_recordset(NULL::heimdex.stage_run, %(rows)s);
