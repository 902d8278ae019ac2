-- name: pend_run
-- Put one stage of one asset back to pending, so that the next index runs it again.
UPDATE heimdex.stage_run
   SET state = 'pending', row_count = 0, error = NULL, finished_at = NULL, duration_ms = NULL
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND stage = %(stage)s AND model_id = %(model)s;

-- name: delete_run
-- An entry that belongs to no stage or to no model.
DELETE FROM heimdex.stage_run
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s AND stage = %(stage)s AND model_id = %(model)s;

-- name: delete_vectors_of_model
-- The vectors of an asset in all spaces of one model.
DELETE FROM heimdex.vector v USING heimdex.keyframe k, heimdex.scene s, heimdex.space p
 WHERE v.owner_id = %(owner)s AND k.owner_id = v.owner_id AND k.keyframe_id = v.keyframe_id
   AND s.owner_id = k.owner_id AND s.scene_id = k.scene_id AND s.asset_id = %(asset)s
   AND p.space_id = v.space_id AND p.model_id = %(model)s;

-- name: adopt_keyframes
-- A kept frame belongs to the asset of its scene.
UPDATE heimdex.keyframe k SET asset_id = s.asset_id FROM heimdex.scene s
 WHERE k.owner_id = %(owner)s AND s.owner_id = k.owner_id AND s.scene_id = k.scene_id
   AND s.asset_id = %(asset)s AND k.asset_id <> s.asset_id;

-- name: delete_astray_vectors
-- Vectors that stand beside the kept frames of an asset: nothing would take them along with these.
DELETE FROM heimdex.vector v USING heimdex.keyframe k, heimdex.scene s
 WHERE v.owner_id = %(owner)s AND k.owner_id = v.owner_id AND k.keyframe_id = v.keyframe_id
   AND s.owner_id = k.owner_id AND s.scene_id = k.scene_id AND s.asset_id = %(asset)s
   AND (v.asset_id <> s.asset_id OR v.scene_id <> k.scene_id OR v.rank <> k.rank);

-- name: delete_empty_runs
-- Entries of other picture models than the one in use that have no vectors.
DELETE FROM heimdex.stage_run r
 WHERE r.owner_id = %(owner)s AND r.asset_id = %(asset)s AND r.stage = 'picture'
   AND r.model_id NOT IN (0, %(model)s)
   AND NOT EXISTS (SELECT FROM heimdex.vector v JOIN heimdex.space p USING (space_id)
                    WHERE v.owner_id = r.owner_id AND v.asset_id = r.asset_id AND p.model_id = r.model_id);

-- name: restate_space
-- The dimension of a space is its model's.
UPDATE heimdex.space SET dim = %(dim)s WHERE space_id = %(space)s;

-- name: unsettle_path
-- Forget when one path was last changed, so that the next index reads it again.
UPDATE heimdex.file SET modified_ns = -1 WHERE owner_id = %(owner)s AND path_bytes = %(path_bytes)s;

-- name: unsettle_paths
-- Forget when the paths of an asset were last changed, so that the next index reads them again.
UPDATE heimdex.file SET modified_ns = -1 WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: settle_size
-- The size of an asset is that of its files.
UPDATE heimdex.asset SET size_bytes = %(size)s WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: settle_time
-- An asset that says when it was taken was taken then, unless people know better.
UPDATE heimdex.asset SET taken_at = COALESCE(corrected_at, captured_at, taken_at)
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: settle_path_text
-- A path's text, from its bytes.
UPDATE heimdex.file SET path = %(path)s WHERE owner_id = %(owner)s AND path_bytes = %(path_bytes)s;

-- name: delete_orphan_vectors
-- Vectors whose kept frame or space is gone.
DELETE FROM heimdex.vector v
 WHERE v.owner_id = %(owner)s AND (NOT EXISTS
       (SELECT FROM heimdex.keyframe k WHERE k.owner_id = v.owner_id AND k.keyframe_id = v.keyframe_id)
    OR NOT EXISTS (SELECT FROM heimdex.space p WHERE p.space_id = v.space_id));

-- name: delete_orphan_keyframes
-- Kept frames whose scene is gone, and by cascade their vectors.
DELETE FROM heimdex.keyframe k
 WHERE k.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.scene s WHERE s.owner_id = k.owner_id AND s.scene_id = k.scene_id);

-- name: delete_orphan_scenes
-- Scenes whose asset is gone, and by cascade their kept frames and vectors.
DELETE FROM heimdex.scene s
 WHERE s.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = s.owner_id AND a.asset_id = s.asset_id);

-- name: delete_orphan_runs
-- Ledger entries whose asset is gone.
DELETE FROM heimdex.stage_run r
 WHERE r.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = r.owner_id AND a.asset_id = r.asset_id);

-- name: delete_orphan_files
-- Paths whose asset is gone.
DELETE FROM heimdex.file f
 WHERE f.owner_id = %(owner)s AND f.asset_id IS NOT NULL AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = f.owner_id AND a.asset_id = f.asset_id);

-- name: delete_orphan_words
-- Path words whose asset is gone.
DELETE FROM heimdex.path_word w
 WHERE w.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = w.owner_id AND a.asset_id = w.asset_id);

-- name: delete_orphan_texts
-- Text vectors whose scene is gone.
DELETE FROM heimdex.text_vector t
 WHERE t.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.scene s WHERE s.owner_id = t.owner_id AND s.scene_id = t.scene_id);

-- name: delete_orphan_compared
-- Words to compare whose scene is gone.
DELETE FROM heimdex.scene_words t
 WHERE t.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.scene s WHERE s.owner_id = t.owner_id AND s.scene_id = t.scene_id);

-- name: delete_orphan_lines
-- Lines of writing whose scene is gone.
DELETE FROM heimdex.text_line t
 WHERE t.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.scene s WHERE s.owner_id = t.owner_id AND s.scene_id = t.scene_id);

-- name: delete_orphan_descriptions
-- Descriptions whose scene is gone.
DELETE FROM heimdex.description t
 WHERE t.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.scene s WHERE s.owner_id = t.owner_id AND s.scene_id = t.scene_id);

-- name: delete_orphan_sentences
-- Sentences whose asset is gone.
DELETE FROM heimdex.utterance t
 WHERE t.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = t.owner_id AND a.asset_id = t.asset_id);

-- name: delete_orphan_transcripts
-- Transcripts whose asset is gone.
DELETE FROM heimdex.transcript t
 WHERE t.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = t.owner_id AND a.asset_id = t.asset_id);

-- name: delete_orphan_terms
-- Terms whose asset is gone.
DELETE FROM heimdex.posting t
 WHERE t.owner_id = %(owner)s AND NOT EXISTS
       (SELECT FROM heimdex.asset a WHERE a.owner_id = t.owner_id AND a.asset_id = t.asset_id);
