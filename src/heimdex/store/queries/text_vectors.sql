-- name: delete_texts
-- A stage replaces its own rows: the text vectors of one asset in one space.
DELETE FROM heimdex.text_vector
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND space_id = %(space)s;

-- name: delete_astray_texts
-- Text vectors of an asset's scenes that stand under another asset, in one space: they would be in the way.
DELETE FROM heimdex.text_vector t USING heimdex.scene s
 WHERE s.owner_id = %(owner)s AND s.asset_id = %(asset)s AND t.owner_id = s.owner_id
   AND t.scene_id = s.scene_id AND t.space_id = %(space)s;

-- name: delete_stale_texts
-- Text vectors of an asset in spaces of models whose stage no longer stands in the ledger: the words they were
-- made of have changed since.
DELETE FROM heimdex.text_vector t USING heimdex.space p
 WHERE t.owner_id = %(owner)s AND t.asset_id = %(asset)s AND p.space_id = t.space_id
   AND NOT EXISTS (SELECT FROM heimdex.stage_run r
                    WHERE r.owner_id = t.owner_id AND r.asset_id = t.asset_id AND r.stage = 'text'
                      AND r.model_id = p.model_id);

-- name: insert_text
-- One text vector, or the record of why there is none.
INSERT INTO heimdex.text_vector (owner_id, space_id, channel, scene_id, asset_id, text, at_us, embedding,
    checksum, metadata)
VALUES (%(owner)s, %(space)s, %(channel)s, %(scene)s, %(asset)s, %(text)s, %(at_us)s, %(embedding)s,
    sha256(halfvec_send(%(embedding)s::halfvec)), %(metadata)s);

-- name: texts_of_asset
-- The texts and vectors of one asset, for the sidecar.
SELECT t.scene_id::text, t.channel, m.name, p.name, t.text, t.at_us, t.metadata, t.embedding
  FROM heimdex.text_vector t JOIN heimdex.space p USING (space_id) JOIN heimdex.model m USING (model_id)
  JOIN heimdex.scene s ON s.owner_id = t.owner_id AND s.scene_id = t.scene_id
 WHERE t.owner_id = %(owner)s AND t.asset_id = %(asset)s ORDER BY s.position, t.channel, t.space_id;

-- name: count_texts
-- How full each space is, by channel.
SELECT p.model_id, t.space_id, m.name, p.name, p.dim, t.channel,
       count(*) FILTER (WHERE t.embedding IS NOT NULL) AS filled,
       count(*) FILTER (WHERE t.embedding IS NULL) AS failed
  FROM heimdex.text_vector t JOIN heimdex.space p USING (space_id) JOIN heimdex.model m USING (model_id)
 WHERE t.owner_id = %(owner)s GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 2, 6;

-- name: build_text_index
-- Make the HNSW index of one channel of a space, once it has outgrown the exact scan.
SELECT heimdex.build_text_index(%(space)s::smallint, %(channel)s::text);

-- name: text_has_index
-- Whether one channel of a space has its HNSW index.
SELECT to_regclass('heimdex.text_space_' || %(space)s::text || '_' || %(channel)s::text || '_hnsw') IS NOT NULL;

-- name: count_text_rows
-- Rows of one channel of a space that pass the filters, counted no further than the limit.
SELECT count(*) FROM (
    SELECT FROM heimdex.text_vector v JOIN heimdex.asset a USING (owner_id, asset_id)
     WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.channel = '/* channel */'
       AND v.embedding IS NOT NULL AND a.present /* filters */ /* scene filters */
     LIMIT {limit}) counted;

-- name: count_text_space
-- Rows of one channel of a space without filters, counted no further than the limit, from the key alone.
SELECT count(*) FROM (
    SELECT FROM heimdex.text_vector v
     WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.channel = '/* channel */'
     LIMIT {limit}) counted;

-- name: nearest_texts_exact
-- The scenes whose texts are nearest to a vector, by a scan of every row that passes the filters.
(SELECT v.channel, v.scene_id::text
  FROM heimdex.text_vector v JOIN heimdex.asset a USING (owner_id, asset_id)
 WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.channel = '/* channel */'
   AND v.embedding IS NOT NULL AND a.present /* filters */ /* scene filters */
 ORDER BY v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim}), v.scene_id LIMIT {limit})

-- name: nearest_texts_indexed
-- The scenes whose texts are nearest to a vector, by the HNSW index of the channel.
(SELECT v.channel, v.scene_id::text
  FROM heimdex.text_vector v JOIN heimdex.asset a USING (owner_id, asset_id)
 WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.channel = '/* channel */'
   AND v.embedding IS NOT NULL AND a.present /* filters */ /* scene filters */
 ORDER BY v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim}) LIMIT {limit})

-- name: score_texts
-- The exact distance of the candidates' texts in some channels, and what a hit shows of them; none farther than
-- the most.
SELECT scene_id, channel, distance, text, at_us FROM (
    SELECT v.scene_id::text, v.channel, v.text, v.at_us,
           v.embedding::halfvec({dim}) <=> %(vector)s::halfvec({dim}) AS distance
      FROM heimdex.text_vector v
     WHERE v.owner_id = %(owner)s AND v.space_id = {space_id} AND v.channel = ANY(%(channels)s)
       AND v.scene_id = ANY(%(scenes)s::uuid[]) AND v.embedding IS NOT NULL) scored
 WHERE distance <= %(most)s;

-- name: text_coverage
-- Present assets, and those of them whose stage `text` is done for the model.
SELECT count(*) AS wanted, count(r.asset_id) AS covered
  FROM heimdex.asset a
  LEFT JOIN heimdex.stage_run r
    ON r.owner_id = a.owner_id AND r.asset_id = a.asset_id AND r.stage = 'text'
   AND r.model_id = %(model)s AND r.state IN ('done', 'empty')
 WHERE a.owner_id = %(owner)s AND a.present;
