-- name: upsert_description
-- What a model says of a scene. A failure does not take away what an earlier model said.
INSERT INTO heimdex.description AS d (owner_id, scene_id, asset_id, text, language, model, metadata)
VALUES (%(owner)s, %(scene)s, %(asset)s, %(text)s, %(language)s, %(model)s, %(metadata)s)
ON CONFLICT (owner_id, scene_id) DO UPDATE
   SET asset_id = EXCLUDED.asset_id, text = EXCLUDED.text, language = EXCLUDED.language,
       model = EXCLUDED.model, metadata = EXCLUDED.metadata
 WHERE EXCLUDED.text IS NOT NULL OR d.text IS NULL OR d.model = EXCLUDED.model;

-- name: descriptions_of_asset
-- What is said of each scene of an asset, or why nothing is.
SELECT d.scene_id::text, d.text, d.language, d.model, d.metadata
  FROM heimdex.description d JOIN heimdex.scene s ON s.owner_id = d.owner_id AND s.scene_id = d.scene_id
 WHERE d.owner_id = %(owner)s AND d.asset_id = %(asset)s ORDER BY s.position;

-- name: remembered
-- Answers to these questions of one model, by what they were asked.
SELECT asked_sha256, text, refusal, metadata FROM heimdex.description_cache
 WHERE owner_id = %(owner)s AND frame_sha256 = ANY(%(frames)s) AND model = %(model)s
   AND asked_sha256 = ANY(%(asked)s);

-- name: remember
-- An answer, as soon as it is there.
INSERT INTO heimdex.description_cache (owner_id, frame_sha256, model, asked_sha256, text, refusal, metadata)
VALUES (%(owner)s, %(frame)s, %(model)s, %(asked)s, %(text)s, %(refusal)s, %(metadata)s)
ON CONFLICT (owner_id, frame_sha256, model, asked_sha256) DO UPDATE
   SET text = EXCLUDED.text, refusal = EXCLUDED.refusal, metadata = EXCLUDED.metadata, created_at = now();

-- name: forget_unkept
-- Answers about frames that are no longer kept: what was taken out of the index leaves no words behind.
DELETE FROM heimdex.description_cache c
 WHERE c.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.keyframe k WHERE k.owner_id = c.owner_id AND k.frame_sha256 = c.frame_sha256);
