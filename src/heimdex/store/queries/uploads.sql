-- name: make_quota
-- The row of an owner's quota, which is there from the first upload on.
INSERT INTO heimdex.upload_quota (owner_id) VALUES (%(owner)s) ON CONFLICT DO NOTHING;

-- name: lock_quota
-- The owner's own quota, held until the transaction ends.
SELECT quota_bytes FROM heimdex.upload_quota WHERE owner_id = %(owner)s FOR UPDATE;

-- name: set_quota
-- Give an owner a quota of their own, or with NULL the installation's.
INSERT INTO heimdex.upload_quota (owner_id, quota_bytes) VALUES (%(owner)s, %(quota)s)
ON CONFLICT (owner_id) DO UPDATE SET quota_bytes = EXCLUDED.quota_bytes;

-- name: usage
-- What an owner's uploads take up, how many are being received, and the owner's own quota.
SELECT COALESCE(sum(reserved_bytes) FILTER (WHERE state <> 'receiving' OR expires_at > now()), 0)::bigint,
       count(*) FILTER (WHERE state = 'receiving' AND expires_at > now()),
       (SELECT quota_bytes FROM heimdex.upload_quota WHERE owner_id = %(owner)s)
  FROM heimdex.upload
 WHERE owner_id = %(owner)s AND state IN ('receiving', 'checking', 'stored');

-- name: insert_upload
-- A new upload; one that is there already is left as it is.
INSERT INTO heimdex.upload (owner_id, upload_id, name, state, size_bytes, reserved_bytes, declared_sha256,
                            source_url, expires_at)
VALUES (%(owner)s, %(upload)s, %(name)s, 'receiving', %(size)s, %(reserved)s, %(declared)s, %(source)s,
        now() + make_interval(secs => %(kept_s)s))
ON CONFLICT DO NOTHING;

-- name: get_upload
-- One upload.
SELECT /* columns */ FROM heimdex.upload WHERE owner_id = %(owner)s AND upload_id = %(upload)s;

-- name: list_uploads
-- An owner's uploads, the newest first.
SELECT /* columns */ FROM heimdex.upload
 WHERE owner_id = %(owner)s AND (%(before)s::uuid IS NULL OR upload_id < %(before)s::uuid)
 ORDER BY upload_id DESC LIMIT %(limit)s;

-- name: note_offset
-- How far an upload has come; whoever goes on with it has time again.
UPDATE heimdex.upload
   SET offset_bytes = %(offset)s, expires_at = now() + make_interval(secs => %(kept_s)s)
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state = 'receiving'
RETURNING /* columns */;

-- name: reserve
-- Room for an upload whose size is not known yet.
UPDATE heimdex.upload SET reserved_bytes = %(reserved)s
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state = 'receiving';

-- name: begin_check
-- All bytes are there.
UPDATE heimdex.upload
   SET state = 'checking', size_bytes = %(size)s, reserved_bytes = %(size)s, offset_bytes = %(size)s
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state = 'receiving'
RETURNING /* columns */;

-- name: note_sha256
-- The file was found to be in order, and may be moved.
UPDATE heimdex.upload SET sha256 = %(sha256)s
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state = 'checking';

-- name: store_upload
-- The file is an original now.
UPDATE heimdex.upload SET state = 'stored', object_key = %(key)s
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state = 'checking'
RETURNING /* columns */;

-- name: refuse_upload
-- The file is not taken, and why; its room is free again.
UPDATE heimdex.upload
   SET state = 'refused', problem = %(problem)s, error = %(error)s, reserved_bytes = 0
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state IN ('receiving', 'checking')
RETURNING /* columns */;

-- name: hold_unindexed
-- An upload that the index has not looked at, held for this transaction; no row: it has, or the upload is gone.
SELECT upload_id FROM heimdex.upload
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state = 'stored' AND indexed_at IS NULL
   FOR UPDATE;

-- name: index_upload
-- The file was looked at by the index; no asset where it has an error.
UPDATE heimdex.upload SET indexed_at = now(), asset_id = %(asset)s, error = %(error)s
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state = 'stored';

-- name: expire_uploads
-- Abandoned ones; their room is free again.
UPDATE heimdex.upload SET state = 'expired', reserved_bytes = 0
 WHERE owner_id = %(owner)s AND state = 'receiving' AND expires_at <= now()
RETURNING upload_id;

-- name: open_uploads
-- Those with a file that is still to become an original, or to be indexed, and those being fetched.
SELECT /* columns */ FROM heimdex.upload
 WHERE owner_id = %(owner)s
   AND (state IN ('receiving', 'checking') OR (state = 'stored' AND indexed_at IS NULL));

-- name: forget_old
-- What was refused or given up is told for a while.
DELETE FROM heimdex.upload
 WHERE owner_id = %(owner)s AND state IN ('refused', 'expired')
   AND expires_at < now() - make_interval(secs => %(told_s)s);

-- name: delete_upload
-- One upload that was not stored.
DELETE FROM heimdex.upload
 WHERE owner_id = %(owner)s AND upload_id = %(upload)s AND state <> 'stored'
RETURNING upload_id;

-- name: forget_stored
-- Uploads whose objects are deleted; their room is free again.
DELETE FROM heimdex.upload
 WHERE owner_id = %(owner)s AND state = 'stored' AND object_key = ANY(%(keys)s);

-- name: removed_uploads
-- The objects of uploads that became assets and lead to none any more: somebody removed those, and did not come
-- to delete the objects.
SELECT u.object_key FROM heimdex.upload u
 WHERE u.owner_id = %(owner)s AND u.state = 'stored' AND u.asset_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM heimdex.file f
                    WHERE f.owner_id = u.owner_id
                      AND f.path_bytes = convert_to(%(scheme)s || u.object_key, 'UTF8'));
