-- name: known_files
-- Every path on record, to compare a walk against.
SELECT f.path_bytes, f.asset_id::text, f.state, f.size_bytes, f.modified_ns, f.stage, f.error
  FROM heimdex.file f
 WHERE f.owner_id = %(owner)s;

-- name: known_files_of_paths
-- The record of some paths.
SELECT f.path_bytes, f.asset_id::text, f.state, f.size_bytes, f.modified_ns, f.stage, f.error
  FROM heimdex.file f
 WHERE f.owner_id = %(owner)s AND f.path_bytes = ANY(%(paths)s::bytea[]);

-- name: files_of_asset
-- The paths of one asset.
SELECT path_bytes, path, state FROM heimdex.file
 WHERE owner_id = %(owner)s AND asset_id = %(asset)s ORDER BY state DESC, path_bytes;

-- name: upsert_file
-- A path that holds an asset.
INSERT INTO heimdex.file (owner_id, path_bytes, path, asset_id, state, size_bytes, modified_ns)
VALUES (%(owner)s, %(path_bytes)s, %(path)s, %(asset)s, 'present', %(size)s, %(modified)s)
ON CONFLICT (owner_id, path_bytes) DO UPDATE
   SET asset_id = EXCLUDED.asset_id, state = 'present', size_bytes = EXCLUDED.size_bytes,
       modified_ns = EXCLUDED.modified_ns, stage = NULL, error = NULL, seen_at = now();

-- name: refuse_file
-- A path that could not become an asset, and why.
INSERT INTO heimdex.file (owner_id, path_bytes, path, asset_id, state, size_bytes, modified_ns, stage, error)
VALUES (%(owner)s, %(path_bytes)s, %(path)s, NULL, 'refused', %(size)s, %(modified)s, %(stage)s, %(error)s)
ON CONFLICT (owner_id, path_bytes) DO UPDATE
   SET asset_id = NULL, state = 'refused', size_bytes = EXCLUDED.size_bytes,
       modified_ns = EXCLUDED.modified_ns, stage = EXCLUDED.stage, error = EXCLUDED.error, seen_at = now();

-- name: mark_missing
-- Paths that vanished: kept, not shown.
UPDATE heimdex.file SET state = 'missing', error = NULL, stage = NULL
 WHERE owner_id = %(owner)s AND path_bytes = ANY(%(paths)s) AND asset_id IS NOT NULL;

-- name: mark_present
-- Paths that came back unchanged.
UPDATE heimdex.file SET state = 'present', seen_at = now()
 WHERE owner_id = %(owner)s AND path_bytes = ANY(%(paths)s) AND asset_id IS NOT NULL;

-- name: forget_files
-- Paths taken off the record.
DELETE FROM heimdex.file WHERE owner_id = %(owner)s AND path_bytes = ANY(%(paths)s);

-- name: refresh_presence
-- An asset is present while at least one of its paths is.
UPDATE heimdex.asset a SET present = here.present
  FROM (SELECT a2.asset_id,
               EXISTS (SELECT FROM heimdex.file f
                        WHERE f.owner_id = a2.owner_id AND f.asset_id = a2.asset_id
                          AND f.state = 'present') AS present
          FROM heimdex.asset a2 WHERE a2.owner_id = %(owner)s AND a2.asset_id = ANY(%(assets)s)) here
 WHERE a.owner_id = %(owner)s AND a.asset_id = here.asset_id AND a.present <> here.present;

-- name: delete_path_words
-- The words of an asset's paths, to be written anew.
DELETE FROM heimdex.path_word WHERE owner_id = %(owner)s AND asset_id = %(asset)s;

-- name: insert_path_words
-- Words an asset can be found by, from its paths.
INSERT INTO heimdex.path_word (owner_id, word, asset_id)
SELECT %(owner)s, word, %(asset)s FROM unnest(%(words)s::text[]) AS word
ON CONFLICT DO NOTHING;

-- name: refused_files
-- What could not be indexed, and why.
SELECT path, stage, error FROM heimdex.file
 WHERE owner_id = %(owner)s AND state = 'refused' ORDER BY path_bytes;

-- name: asset_of_path
-- The asset a path leads to.
SELECT asset_id::text FROM heimdex.file WHERE owner_id = %(owner)s AND path_bytes = %(path_bytes)s;
