-- name: enter
-- An original that lies in the object store; one that is on record already stays as it is.
INSERT INTO heimdex.object (owner_id, object_id, object_key, name, sha256, size_bytes, content_type, modified_ns)
VALUES (%(owner)s, %(object_id)s, %(object_key)s, %(name)s, %(sha256)s, %(size_bytes)s, %(content_type)s,
    %(modified_ns)s)
ON CONFLICT DO NOTHING;

-- name: by_key
-- The record of an object.
SELECT object_id::text, object_key, name, encode(sha256, 'hex'), size_bytes, content_type, modified_ns
  FROM heimdex.object WHERE owner_id = %(owner)s AND object_key = %(object_key)s;

-- name: by_id
-- The record of an object, by its id.
SELECT object_id::text, object_key, name, encode(sha256, 'hex'), size_bytes, content_type, modified_ns
  FROM heimdex.object WHERE owner_id = %(owner)s AND object_id = %(object_id)s;

-- name: by_content
-- Uploaded originals of a content, the oldest first.
SELECT object_id::text, object_key, name, encode(sha256, 'hex'), size_bytes, content_type, modified_ns
  FROM heimdex.object WHERE owner_id = %(owner)s AND sha256 = %(sha256)s ORDER BY object_id;

-- name: by_name
-- Uploaded originals of a name.
SELECT object_id::text, object_key, name, encode(sha256, 'hex'), size_bytes, content_type, modified_ns
  FROM heimdex.object WHERE owner_id = %(owner)s AND name = %(name)s ORDER BY object_id;

-- name: all_of
-- Every uploaded original, the oldest first.
SELECT object_id::text, object_key, name, encode(sha256, 'hex'), size_bytes, content_type, modified_ns
  FROM heimdex.object WHERE owner_id = %(owner)s ORDER BY object_id;

-- name: forget
-- Take uploaded originals off the record.
DELETE FROM heimdex.object WHERE owner_id = %(owner)s AND object_key = ANY(%(object_keys)s);
