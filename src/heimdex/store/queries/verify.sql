-- What `verify` reads. It shares no statement with what writes the index: a rule that is wrong there must not
-- be wrong here in the same way. Everything but the global questions is asked for a page of assets.

-- name: last_asset
-- Where a verification ends: assets entered later are not looked at.
SELECT asset_id::text FROM heimdex.asset WHERE owner_id = %(owner)s ORDER BY asset_id DESC LIMIT 1;

-- name: page_of_assets
-- The next assets in the order of their ids.
SELECT a.asset_id::text, a.kind, a.present, encode(a.content_hash, 'hex'), a.size_bytes,
       a.taken_at <> COALESCE(a.corrected_at, a.captured_at, a.taken_at),
       a.created_at > now() - interval '10 seconds'
           AND (SELECT r.stage FROM heimdex.stage_run r
                 WHERE r.owner_id = a.owner_id AND r.asset_id = a.asset_id LIMIT 1) IS NULL
           AND (SELECT s.position FROM heimdex.scene s
                 WHERE s.owner_id = a.owner_id AND s.asset_id = a.asset_id LIMIT 1) IS NULL
  FROM heimdex.asset a
 WHERE a.owner_id = %(owner)s AND a.asset_id <= %(last)s
   AND (%(after)s::uuid IS NULL OR a.asset_id > %(after)s::uuid)
 ORDER BY a.asset_id LIMIT %(limit)s;

-- name: fingerprints
-- What any work on an asset changes: two that differ mean that somebody was at it in between.
SELECT a.asset_id::text, md5(concat_ws('|', a.present, encode(a.content_hash, 'hex'), a.size_bytes,
       (SELECT string_agg(concat_ws(',', r.stage, r.model_id, r.stage_version, r.state, r.attempt,
                                    r.row_count, encode(r.content_hash, 'hex')),
                          ';' ORDER BY r.stage, r.model_id)
          FROM heimdex.stage_run r WHERE r.owner_id = a.owner_id AND r.asset_id = a.asset_id),
       (SELECT string_agg(concat_ws(',', encode(f.path_bytes, 'hex'), f.state, f.size_bytes, f.modified_ns),
                          ';' ORDER BY f.path_bytes)
          FROM heimdex.file f WHERE f.owner_id = a.owner_id AND f.asset_id = a.asset_id)))
  FROM heimdex.asset a
 WHERE a.owner_id = %(owner)s AND a.asset_id = ANY(%(assets)s);

-- name: claim_numbers
-- Every advisory lock of this database that somebody holds.
SELECT classid::bigint, objid::bigint FROM pg_locks
 WHERE locktype = 'advisory' AND granted AND objsubid = 1
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- name: ledger
-- The ledger of a page; `model` is NULL where no model has that id.
SELECT r.asset_id::text, r.stage, r.model_id, m.name, r.stage_version, r.state,
       encode(r.content_hash, 'hex'), r.row_count, r.attempt, r.finished_at IS NOT NULL
  FROM heimdex.stage_run r LEFT JOIN heimdex.model m ON m.model_id = r.model_id
 WHERE r.owner_id = %(owner)s AND r.asset_id = ANY(%(assets)s)
 ORDER BY r.asset_id, r.stage, r.model_id;

-- name: stored_rows
-- What is really stored of each asset: its scenes, its kept frames, its vectors by model, its words.
SELECT s.asset_id::text, 'scenes', 0, count(*) FROM heimdex.scene s
 WHERE s.owner_id = %(owner)s AND s.asset_id = ANY(%(assets)s) GROUP BY s.asset_id
UNION ALL
SELECT s.asset_id::text, 'keyframes', 0, count(*) FROM heimdex.scene s
  JOIN heimdex.keyframe k ON k.owner_id = s.owner_id AND k.scene_id = s.scene_id
 WHERE s.owner_id = %(owner)s AND s.asset_id = ANY(%(assets)s) GROUP BY s.asset_id
UNION ALL
SELECT s.asset_id::text, 'picture', p.model_id, count(*) FROM heimdex.scene s
  JOIN heimdex.keyframe k ON k.owner_id = s.owner_id AND k.scene_id = s.scene_id
  JOIN heimdex.vector v ON v.owner_id = k.owner_id AND v.keyframe_id = k.keyframe_id
  JOIN heimdex.space p USING (space_id)
 WHERE s.owner_id = %(owner)s AND s.asset_id = ANY(%(assets)s) GROUP BY s.asset_id, p.model_id
UNION ALL
SELECT asset_id::text, 'speech', 0, count(*) FROM heimdex.utterance
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s) GROUP BY asset_id
UNION ALL
SELECT asset_id::text, 'writing', 0, count(*) FROM heimdex.text_line
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s) GROUP BY asset_id
UNION ALL
SELECT asset_id::text, 'description', 0, count(*) FROM heimdex.description
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s) GROUP BY asset_id
UNION ALL
SELECT asset_id::text, 'text', 0, count(*) FROM heimdex.scene_words
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s) GROUP BY asset_id;

-- name: scene_flaws
-- Scenes that are out of their order, do not join the one before, have an impossible length or no motion,
-- are one too many for a photo, or have no kept frame although they can be seen.
WITH seen AS (
    SELECT s.asset_id, s.scene_id, s.position, s.start_us, s.end_us, a.kind,
           lag(s.scene_id) OVER before AS before_id, lag(s.position) OVER before AS before_position,
           lag(s.end_us) OVER before AS before_us,
           NOT (s.motion_energy BETWEEN 0 AND 1e9 AND abs(s.motion_pan) <= 1e9
                AND abs(s.motion_tilt) <= 1e9 AND abs(s.motion_zoom) <= 1e9
                AND s.motion_change BETWEEN 0 AND 1) AS restless,
           a.kind <> 'audio' AND NOT EXISTS (SELECT FROM heimdex.keyframe k
                        WHERE k.owner_id = s.owner_id AND k.scene_id = s.scene_id) AS bare
      FROM heimdex.scene s JOIN heimdex.asset a ON a.owner_id = s.owner_id AND a.asset_id = s.asset_id
     WHERE s.owner_id = %(owner)s AND s.asset_id = ANY(%(assets)s)
    WINDOW before AS (PARTITION BY s.asset_id ORDER BY s.position)),
judged AS (
    SELECT *, coalesce(before_position, -1) + 1 AS expected,
           position = before_position + 1 AND start_us <> before_us AS torn,
           CASE kind WHEN 'photo' THEN start_us <> 0 OR end_us <> 0
                     ELSE start_us < 0 OR end_us <= start_us END AS impossible,
           kind = 'photo' AND before_id IS NOT NULL AS surplus
      FROM seen)
SELECT asset_id::text, scene_id::text, position, start_us, before_id::text, before_us, expected,
       position <> expected, coalesce(torn, false), impossible, restless, surplus, bare
  FROM judged
 WHERE position <> expected OR torn OR impossible OR restless OR surplus OR bare
 ORDER BY asset_id, position;

-- name: keyframe_flaws
-- Kept frames whose rank leaves a gap, whose time lies outside of their scene, which stand under another
-- asset, whose quality is none, or whose files are not named after them:
-- derived/<owner>/<two digits>/<asset>/<attempt>/<keyframe>.jpg and <keyframe>-thumb.jpg.
WITH seen AS (
    SELECT s.asset_id, s.scene_id, s.position, s.start_us, k.keyframe_id, k.rank,
           row_number() OVER (PARTITION BY k.scene_id ORDER BY k.rank) - 1 AS expected,
           k.at_us < s.start_us OR k.at_us > s.end_us OR (k.at_us = s.end_us AND s.end_us > s.start_us)
               AS outside,
           k.asset_id <> s.asset_id AS astray,
           k.frame_quality, k.frame_key, k.thumbnail_key,
           'derived/' || k.owner_id || '/' || right(s.asset_id::text, 2) || '/' || s.asset_id || '/'
               || split_part(k.frame_key, '/', 5) || '/' || k.keyframe_id AS stem,
           split_part(k.frame_key, '/', 5) !~ '^[0-9]+$' AS unnumbered
      FROM heimdex.scene s JOIN heimdex.keyframe k ON k.owner_id = s.owner_id AND k.scene_id = s.scene_id
     WHERE s.owner_id = %(owner)s AND s.asset_id = ANY(%(assets)s)),
judged AS (
    SELECT *, unnumbered OR frame_key <> stem || '.jpg' OR thumbnail_key <> stem || '-thumb.jpg' AS misnamed,
           frame_quality IS NULL OR EXISTS (
               SELECT FROM unnest(ARRAY['quality_score', 'sharpness', 'exposure', 'contrast', 'steadiness'])
                        AS part
                WHERE CASE WHEN jsonb_typeof(frame_quality -> part) = 'number'
                           THEN NOT (frame_quality ->> part)::float8 BETWEEN 0 AND 1 ELSE true END)
               OR jsonb_typeof(frame_quality -> 'blank') IS DISTINCT FROM 'boolean' AS unjudged
      FROM seen)
SELECT asset_id::text, scene_id::text, keyframe_id::text, position, start_us, rank, expected,
       rank <> expected, outside, astray, unjudged, misnamed, frame_key, thumbnail_key
  FROM judged
 WHERE rank <> expected OR outside OR astray OR unjudged OR misnamed
 ORDER BY asset_id, position, rank;

-- name: missing_vectors
-- Kept frames without a row in a space of a model whose stage is done.
SELECT s.asset_id::text, s.scene_id::text, k.keyframe_id::text, s.position, s.start_us, k.rank, p.model_id,
       p.name
  FROM heimdex.stage_run r
  JOIN heimdex.space p ON p.model_id = r.model_id
  JOIN heimdex.scene s ON s.owner_id = r.owner_id AND s.asset_id = r.asset_id
  JOIN heimdex.keyframe k ON k.owner_id = s.owner_id AND k.scene_id = s.scene_id
 WHERE r.owner_id = %(owner)s AND r.asset_id = ANY(%(assets)s) AND r.stage = 'picture' AND r.state = 'done'
   AND NOT EXISTS (SELECT FROM heimdex.vector v
                    WHERE v.owner_id = k.owner_id AND v.space_id = p.space_id
                      AND v.keyframe_id = k.keyframe_id)
 ORDER BY s.asset_id, s.position, k.rank, p.space_id;

-- name: vector_flaws
-- Vectors that are missing in a stage that is done, of another length than their space, not of norm 1, not
-- what was written, without a stage, beside their frame, or whose record says something else than the rows.
-- `record` lists what is wrong there.
WITH seen AS (
    SELECT s.asset_id, s.scene_id, k.keyframe_id, s.position, s.start_us, k.rank, p.model_id,
           p.name AS space, p.dim, v.embedding, v.checksum, v.metadata, k.frame_key, m.name AS model,
           k.scene_id <> v.scene_id OR k.rank <> v.rank OR s.asset_id <> v.asset_id AS astray, r.state,
           CASE WHEN v.embedding IS NOT NULL THEN sha256(halfvec_send(v.embedding)) END AS actual
      FROM heimdex.scene s
      JOIN heimdex.keyframe k ON k.owner_id = s.owner_id AND k.scene_id = s.scene_id
      JOIN heimdex.vector v ON v.owner_id = k.owner_id AND v.keyframe_id = k.keyframe_id
      JOIN heimdex.space p USING (space_id)
      JOIN heimdex.model m USING (model_id)
      LEFT JOIN heimdex.stage_run r ON r.owner_id = s.owner_id AND r.asset_id = s.asset_id
           AND r.stage = 'picture' AND r.model_id = p.model_id
     WHERE s.owner_id = %(owner)s AND s.asset_id = ANY(%(assets)s)),
judged AS (
    SELECT *, state IS NULL AS unrecorded, embedding IS NULL AND state = 'done' AS absent,
           embedding IS NOT NULL AND vector_dims(embedding) <> dim AS misshapen,
           embedding IS NOT NULL AND NOT abs(l2_norm(embedding) - 1) <= 0.002 AS stretched,
           embedding IS NOT NULL AND actual IS DISTINCT FROM checksum AS altered,
           array_remove(ARRAY[
               CASE WHEN NOT metadata ?& ARRAY['model_name', 'pretrained', 'embed_dim', 'normalized', 'device',
                   'frame_path', 'frame_quality', 'inference_time_ms', 'created_at', 'error'] THEN 'keys' END,
               CASE WHEN metadata ->> 'model_name' <> model THEN 'model_name' END,
               CASE WHEN metadata ->> 'embed_dim' <> dim::text
                     AND metadata ->> 'embed_dim' IS DISTINCT FROM vector_dims(embedding)::text
                    THEN 'embed_dim' END,
               CASE WHEN metadata ->> 'frame_path' <> frame_key THEN 'frame_path' END,
               CASE WHEN metadata ->> 'normalized' <> 'true' THEN 'normalized' END,
               CASE WHEN metadata ->> 'error' IS NULL
                     AND jsonb_typeof(metadata -> 'inference_time_ms') <> 'number'
                    THEN 'inference_time_ms' END], NULL) AS record
      FROM seen)
SELECT asset_id::text, scene_id::text, keyframe_id::text, position, start_us, rank, model_id, space,
       unrecorded, absent, misshapen, stretched, altered, astray, record, frame_key,
       metadata ->> 'frame_path', encode(checksum, 'hex'), encode(actual, 'hex')
  FROM judged
 WHERE unrecorded OR absent OR misshapen OR stretched OR altered OR astray OR cardinality(record) > 0
 ORDER BY asset_id, position, rank, space;

-- name: paths
-- The paths of a page.
SELECT asset_id::text, path_bytes, path, state, size_bytes, modified_ns FROM heimdex.file
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s) ORDER BY asset_id, state DESC, path_bytes;

-- name: path_words
-- The words a page can be found by.
SELECT asset_id::text, array_agg(word) FROM heimdex.path_word
 WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s) GROUP BY asset_id;

-- name: kept
-- What the kept files of some assets have to be.
SELECT s.asset_id::text, s.scene_id::text, k.keyframe_id::text, s.position, s.start_us, k.rank, k.width,
       k.height, k.frame_key, k.frame_sha256, k.frame_bytes, k.thumbnail_key, k.thumbnail_sha256,
       k.thumbnail_bytes
  FROM heimdex.scene s JOIN heimdex.keyframe k ON k.owner_id = s.owner_id AND k.scene_id = s.scene_id
 WHERE s.owner_id = %(owner)s AND s.asset_id = ANY(%(assets)s)
 ORDER BY s.asset_id, s.position, k.rank;

-- name: values
-- The vectors of some kept frames in one model's spaces, to compare with what the encoder says today.
SELECT v.keyframe_id::text, p.name, v.embedding::text
  FROM heimdex.vector v JOIN heimdex.space p USING (space_id)
 WHERE v.owner_id = %(owner)s AND p.model_id = %(model)s AND v.keyframe_id = ANY(%(keyframes)s)
   AND v.embedding IS NOT NULL;

-- name: sample_keyframes
-- Some kept frames by lot; the salt makes it another lot each time.
SELECT keyframe_id::text FROM heimdex.keyframe WHERE owner_id = %(owner)s
 ORDER BY md5(keyframe_id::text || %(salt)s) LIMIT %(limit)s;

-- name: sample_assets
-- Some assets by lot.
SELECT asset_id::text FROM heimdex.asset WHERE owner_id = %(owner)s
 ORDER BY md5(asset_id::text || %(salt)s) LIMIT %(limit)s;

-- name: existing_assets
-- Which of these assets there are.
SELECT asset_id::text FROM heimdex.asset WHERE owner_id = %(owner)s AND asset_id = ANY(%(assets)s);

-- name: orphans
-- Rows whose parent row is gone, by table and asset: foreign keys forbid it, a damaged or hand-edited
-- database has it.
SELECT 'scene' AS place, s.asset_id::text, count(*) FROM heimdex.scene s
 WHERE s.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = s.owner_id AND a.asset_id = s.asset_id)
 GROUP BY s.asset_id
UNION ALL
SELECT 'keyframe', k.asset_id::text, count(*) FROM heimdex.keyframe k
 WHERE k.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.scene s WHERE s.owner_id = k.owner_id AND s.scene_id = k.scene_id)
 GROUP BY k.asset_id
UNION ALL
SELECT 'vector', v.asset_id::text, count(*) FROM heimdex.vector v
 WHERE v.owner_id = %(owner)s AND (NOT EXISTS
       (SELECT FROM heimdex.keyframe k WHERE k.owner_id = v.owner_id AND k.keyframe_id = v.keyframe_id)
    OR NOT EXISTS (SELECT FROM heimdex.space p WHERE p.space_id = v.space_id))
 GROUP BY v.asset_id
UNION ALL
SELECT 'stage_run', r.asset_id::text, count(*) FROM heimdex.stage_run r
 WHERE r.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = r.owner_id AND a.asset_id = r.asset_id)
 GROUP BY r.asset_id
UNION ALL
SELECT 'file', f.asset_id::text, count(*) FROM heimdex.file f
 WHERE f.owner_id = %(owner)s AND f.asset_id IS NOT NULL AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = f.owner_id AND a.asset_id = f.asset_id)
 GROUP BY f.asset_id
UNION ALL
SELECT 'path_word', w.asset_id::text, count(*) FROM heimdex.path_word w
 WHERE w.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = w.owner_id AND a.asset_id = w.asset_id)
 GROUP BY w.asset_id
UNION ALL
SELECT words.place, words.asset_id::text, count(*)
  FROM (SELECT 'text_vector' AS place, asset_id, scene_id FROM heimdex.text_vector WHERE owner_id = %(owner)s
        UNION ALL
        SELECT 'scene_words', asset_id, scene_id FROM heimdex.scene_words WHERE owner_id = %(owner)s
        UNION ALL
        SELECT 'text_line', asset_id, scene_id FROM heimdex.text_line WHERE owner_id = %(owner)s
        UNION ALL
        SELECT 'description', asset_id, scene_id FROM heimdex.description WHERE owner_id = %(owner)s) words
 WHERE NOT EXISTS
       (SELECT FROM heimdex.scene s WHERE s.owner_id = %(owner)s AND s.scene_id = words.scene_id)
 GROUP BY words.place, words.asset_id
UNION ALL
SELECT heard.place, heard.asset_id::text, count(*)
  FROM (SELECT 'transcript' AS place, asset_id FROM heimdex.transcript WHERE owner_id = %(owner)s
        UNION ALL
        SELECT 'utterance', asset_id FROM heimdex.utterance WHERE owner_id = %(owner)s
        UNION ALL
        SELECT 'posting', asset_id FROM heimdex.posting WHERE owner_id = %(owner)s) heard
 WHERE NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = %(owner)s AND a.asset_id = heard.asset_id)
 GROUP BY heard.place, heard.asset_id;

-- name: open_tables
-- Tables with an owner in them whose rows are not kept apart: security off or not forced, the policy gone or
-- changed, or another one that lets more through.
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, policies.sound, policies.unsound
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE sound) AS sound,
              coalesce(array_agg(policyname::text) FILTER (WHERE NOT sound), '{}') AS unsound
         FROM (SELECT p.policyname,
                      p.policyname = 'tenant' AND p.permissive = 'PERMISSIVE' AND p.cmd = 'ALL'
                      AND p.roles = '{public}' AND p.qual = p.with_check
                      AND p.qual LIKE '(owner\_id = %%current\_setting(''heimdex.owner''%%'
                      AND p.qual !~* '\m(or|is|not|case)\M' AS sound
                 FROM pg_policies p
                WHERE p.schemaname = n.nspname AND p.tablename = c.relname
                  -- The look-up of who signs in, before an owner is known (decision 12).
                  AND NOT (p.policyname = 'look_up' AND p.cmd = 'SELECT' AND p.roles = '{heimdex_owner}'
                           AND p.tablename IN ('app_user', 'app_session', 'api_key'))
                  -- Counts over all owners, by the functions that count and only while they do.
                  AND NOT (p.policyname = 'counting' AND p.cmd = 'SELECT' AND p.roles = '{heimdex_owner}'
                           AND p.qual = '(current_setting(''heimdex.counting''::text, true) = ''on''::text)')
               ) each) policies
 WHERE n.nspname = 'heimdex' AND c.relkind IN ('r', 'p')
   AND EXISTS (SELECT FROM pg_attribute t
                WHERE t.attrelid = c.oid AND t.attname = 'owner_id' AND NOT t.attisdropped)
   AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND policies.sound = 1
            AND cardinality(policies.unsound) = 0)
 ORDER BY c.relname;

-- name: invalid_indexes
-- Indexes the server will not use.
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'heimdex' AND NOT (i.indisvalid AND i.indisready) ORDER BY c.relname;

-- name: index_names
-- Every index of the schema.
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'heimdex' AND c.relkind IN ('i', 'I');

-- name: unindexed_spaces
-- Spaces of a model that have outgrown the exact scan and have no HNSW index.
SELECT p.space_id, p.name FROM heimdex.space p
 WHERE p.model_id = %(model)s
   AND (SELECT count(*) FROM (SELECT FROM heimdex.vector v
                               WHERE v.owner_id = %(owner)s AND v.space_id = p.space_id
                               LIMIT %(limit)s) counted) >= %(limit)s
   AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = 'heimdex' AND c.relname = 'vector_space_' || p.space_id || '_hnsw')
 ORDER BY p.space_id;

-- name: totals
-- How much there is to check.
SELECT (SELECT count(*) FROM heimdex.asset WHERE owner_id = %(owner)s) AS assets,
       (SELECT count(*) FROM heimdex.file WHERE owner_id = %(owner)s) AS paths,
       (SELECT count(*) FROM heimdex.stage_run WHERE owner_id = %(owner)s) AS ledger_entries,
       (SELECT count(*) FROM heimdex.scene WHERE owner_id = %(owner)s) AS scenes,
       (SELECT count(*) FROM heimdex.keyframe WHERE owner_id = %(owner)s) AS kept_frames,
       (SELECT count(*) FROM heimdex.vector WHERE owner_id = %(owner)s) AS vectors;
