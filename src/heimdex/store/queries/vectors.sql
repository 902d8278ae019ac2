-- name: register_model
-- A model enters with the checksum of its weights.
INSERT INTO heimdex.model (name, precision, weights_sha256) VALUES (%(name)s, %(precision)s, %(sha256)s)
ON CONFLICT (name, precision, weights_sha256) DO NOTHING;

-- name: find_model
-- The id of a model by name, precision and weights.
SELECT model_id FROM heimdex.model
 WHERE name = %(name)s AND precision = %(precision)s AND weights_sha256 = %(sha256)s;

-- name: register_space
-- A space of a model.
INSERT INTO heimdex.space (model_id, name, dim) VALUES (%(model)s, %(name)s, %(dim)s)
ON CONFLICT (model_id, name) DO NOTHING;

-- name: spaces_of_model
-- The spaces of a model.
SELECT space_id, name, dim FROM heimdex.space WHERE model_id = %(model)s ORDER BY space_id;

-- name: delete_vectors
-- A stage replaces its own rows: the vectors of one asset in one model's spaces.
DELETE FROM heimdex.vector
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND space_id = ANY(%(spaces)s);

-- name: delete_vectors_of_frames
-- The vectors of some kept frames in one model's spaces, before they are written anew.
DELETE FROM heimdex.vector
 WHERE owner_id = %(owner)s AND keyframe_id = ANY(%(keyframes)s::uuid[]) AND space_id = ANY(%(spaces)s);

-- name: insert_vector
-- One vector, or the record of why there is none.
INSERT INTO heimdex.vector (owner_id, space_id, keyframe_id, scene_id, asset_id, rank, embedding, metadata,
    checksum)
VALUES (%(owner)s, %(space)s, %(keyframe)s, %(scene)s, %(asset)s, %(rank)s, %(embedding)s::halfvec, %(metadata)s,
    sha256(halfvec_send(%(embedding)s::halfvec)));

-- name: count_vectors
-- How full each space of pictures is; those of texts are counted by queries/text_vectors.sql.
SELECT s.model_id, s.space_id, m.name, s.name, s.dim,
       count(v.keyframe_id) FILTER (WHERE v.embedding IS NOT NULL) AS filled,
       count(v.keyframe_id) FILTER (WHERE v.embedding IS NULL AND v.keyframe_id IS NOT NULL) AS failed
  FROM heimdex.space s JOIN heimdex.model m USING (model_id)
  LEFT JOIN heimdex.vector v ON v.space_id = s.space_id AND v.owner_id = %(owner)s
 WHERE s.name <> 'text'
 GROUP BY 1, 2, 3, 4, 5 ORDER BY 2;

-- name: vectors_of_scene
-- The vectors of one scene in one space, best frame first.
SELECT rank, embedding FROM heimdex.vector
 WHERE owner_id = %(owner)s AND space_id = {space_id} AND scene_id = %(scene)s AND embedding IS NOT NULL
 ORDER BY rank;

-- name: vectors_of_asset
-- Vectors and records of one asset, for the sidecar.
SELECT v.keyframe_id::text, m.name, s.name, v.metadata, v.embedding
  FROM heimdex.vector v JOIN heimdex.space s USING (space_id) JOIN heimdex.model m USING (model_id)
 WHERE v.owner_id = %(owner)s AND v.asset_id = %(asset)s ORDER BY v.scene_id, v.rank, v.space_id;

-- name: build_space_index
-- Make the HNSW index of a space, once it has outgrown the exact scan.
SELECT heimdex.build_space_index(%(space)s::smallint);

-- name: space_has_index
-- Whether a space has its HNSW index.
SELECT to_regclass('heimdex.vector_space_' || %(space)s::text || '_hnsw') IS NOT NULL;

-- name: space_rows
-- Rows of one owner in one space, counted no further than the limit.
SELECT count(*) FROM (SELECT FROM heimdex.vector
                       WHERE owner_id = %(owner)s AND space_id = {space_id} LIMIT {limit}) counted;
