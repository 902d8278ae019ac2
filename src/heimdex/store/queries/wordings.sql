-- name: sentences_of_asset
-- What is said in an asset, in order.
SELECT utterance_id::text, position, start_us, end_us, text, language, confidence FROM heimdex.utterance
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s ORDER BY start_us, position;

-- name: lines_of_asset
-- What is written in the pictures of an asset, in order.
SELECT scene_id::text, start_us, end_us, text FROM heimdex.text_line
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s ORDER BY start_us, line_id;

-- name: captions_of_asset
-- What is described of an asset's scenes.
SELECT scene_id::text, text, language FROM heimdex.description
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND text IS NOT NULL;
