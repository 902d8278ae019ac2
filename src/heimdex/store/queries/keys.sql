-- Keys of programs, by their hash.

-- name: key_by_hash
-- Whose a key is and what it allows, if it is valid.
SELECT owner_id::text, key_id::text, user_id::text, name, scopes, role,
       extract(epoch FROM now() - used_at)::float8
  FROM heimdex.key_by_hash(%(key_hash)s);

-- name: add_key
-- A new key.
INSERT INTO heimdex.api_key (owner_id, key_id, user_id, name, key_hash, hint, scopes, expires_at)
VALUES (%(owner)s, %(key)s, %(user)s, %(name)s, %(key_hash)s, %(hint)s, %(scopes)s,
        now() + make_interval(secs => %(valid_s)s))
ON CONFLICT (owner_id, key_id) DO NOTHING;

-- name: list_keys
-- The keys of a library, or of one user (or of none: '') in it, the newest first.
SELECT k.key_id::text, k.user_id::text, k.name, k.hint, k.scopes, k.created_at, k.expires_at, k.used_at,
       k.revoked_at
  FROM heimdex.api_key k
 WHERE k.owner_id = %(owner)s
   AND (%(user)s::text IS NULL OR coalesce(k.user_id::text, '') = %(user)s::text)
 ORDER BY k.key_id DESC;

-- name: use_key
-- It was used just now.
UPDATE heimdex.api_key SET used_at = now()
 WHERE owner_id = %(owner)s AND key_id = %(key)s
   AND (used_at IS NULL OR used_at < now() - make_interval(secs => %(every_s)s));

-- name: revoke_key
-- It is valid no more; no row where there is none such.
UPDATE heimdex.api_key SET revoked_at = coalesce(revoked_at, now())
 WHERE owner_id = %(owner)s AND key_id = %(key)s
   AND (%(user)s::text IS NULL OR coalesce(user_id::text, '') = %(user)s::text)
RETURNING key_id;
