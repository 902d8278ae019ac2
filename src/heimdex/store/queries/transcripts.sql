-- name: delete_transcript
-- What was said in an asset goes, with its sentences.
DELETE FROM heimdex.transcript WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: insert_transcript
-- That an asset was listened to, and what lay beside it.
INSERT INTO heimdex.transcript (owner_id, asset_id, source, model, language, origin, note, beside, listened_in)
VALUES (%(owner)s, %(asset)s, %(source)s, %(model)s, %(language)s, %(origin)s, %(note)s, %(beside)s,
    %(listened_in)s);

-- name: insert_utterance
-- One sentence.
INSERT INTO heimdex.utterance (owner_id, utterance_id, asset_id, position, start_us, end_us, text, language,
    confidence, words)
VALUES (%(owner)s, %(utterance)s, %(asset)s, %(position)s, %(start_us)s, %(end_us)s, %(text)s, %(language)s,
    %(confidence)s, %(words)s);

-- name: delete_other_runs
-- A transcript is made by one model: the ledger forgets that others ran.
DELETE FROM heimdex.stage_run
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND stage = %(stage)s AND model_id <> %(model)s;

-- name: find_transcript
-- How an asset was listened to.
SELECT source, model, language, origin, note
  FROM heimdex.transcript WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: utterances_of_asset
-- The sentences of one asset in order.
SELECT position, start_us, end_us, text, language, confidence, words, utterance_id::text
  FROM heimdex.utterance WHERE owner_id = %(owner)s AND asset_id = %(asset)s ORDER BY position;

-- name: utterances_of_assets
-- The sentences of some assets in order, without their words.
SELECT asset_id::text, position, start_us, end_us, text, language, confidence, '[]'::jsonb, utterance_id::text
  FROM heimdex.utterance WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s)
 ORDER BY asset_id, position;

-- name: beside_of_assets
-- The subtitle files that lay beside some assets when they were listened to.
SELECT asset_id::text, beside
  FROM heimdex.transcript WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s);

-- name: all_beside
-- The same for all assets that had any.
SELECT asset_id::text, beside FROM heimdex.transcript WHERE owner_id = %(owner)s AND beside <> '[]';

-- name: all_listened_in
-- The assets that were listened to, and the language the recogniser was told.
SELECT asset_id::text, listened_in FROM heimdex.transcript WHERE owner_id = %(owner)s AND source = 'speech';
