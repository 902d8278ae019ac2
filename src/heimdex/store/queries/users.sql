-- Users. What is asked before an owner is known goes through functions that see all owners.

-- name: users_exist
-- Whether anybody was ever made a user here, and is still one.
SELECT heimdex.users_exist();

-- name: lock_users
-- Until the end of the transaction nobody else makes, changes or removes users.
SELECT pg_advisory_xact_lock(hashtextextended('heimdex.app_user', 0));

-- name: all_users
-- Everybody, the oldest first.
SELECT owner_id::text, user_id::text, name, role, is_active, password_hash IS NOT NULL,
       oidc_subject IS NOT NULL, created_at, signed_in_at
  FROM heimdex.all_users() ORDER BY created_at, user_id;

-- name: user_by_id
-- One of them.
SELECT owner_id::text, user_id::text, name, role, is_active, password_hash IS NOT NULL,
       oidc_subject IS NOT NULL, created_at, signed_in_at
  FROM heimdex.user_by_id(%(user)s);

-- name: user_by_name
-- One of them, with the hash of the password.
SELECT owner_id::text, user_id::text, name, role, is_active, password_hash IS NOT NULL,
       oidc_subject IS NOT NULL, created_at, signed_in_at, password_hash
  FROM heimdex.user_by_name(%(name_key)s);

-- name: user_by_subject
-- One of them, by whom a provider says it is.
SELECT owner_id::text, user_id::text, name, role, is_active, password_hash IS NOT NULL,
       oidc_subject IS NOT NULL, created_at, signed_in_at
  FROM heimdex.user_by_subject(%(issuer)s, %(subject)s);

-- name: add_user
-- A new one; no row where the name, or the provider's subject, is taken.
INSERT INTO heimdex.app_user
       (owner_id, user_id, name, name_key, role, password_hash, oidc_issuer, oidc_subject)
VALUES (%(owner)s, %(user)s, %(name)s, %(name_key)s, %(role)s, %(password_hash)s, %(issuer)s, %(subject)s)
ON CONFLICT DO NOTHING
RETURNING user_id;

-- name: change_user
-- Another role, or let in and shut out; NULL leaves a thing as it is.
UPDATE heimdex.app_user
   SET role = coalesce(%(role)s, role), is_active = coalesce(%(is_active)s, is_active)
 WHERE owner_id = %(owner)s AND user_id = %(user)s;

-- name: set_password_hash
-- Another password, or the same one hashed with other parameters.
UPDATE heimdex.app_user SET password_hash = %(password_hash)s
 WHERE owner_id = %(owner)s AND user_id = %(user)s;

-- name: note_sign_in
-- When somebody came in last.
UPDATE heimdex.app_user SET signed_in_at = now() WHERE owner_id = %(owner)s AND user_id = %(user)s;

-- name: remove_user
-- A user with sessions and keys; the library stays.
DELETE FROM heimdex.app_user WHERE owner_id = %(owner)s AND user_id = %(user)s;

-- name: put_set_up_token
-- The one token for the first user, in place of the one before.
INSERT INTO heimdex.set_up_token (token_hash, expires_at)
VALUES (%(token_hash)s, now() + make_interval(secs => %(valid_s)s))
ON CONFLICT (is_only) DO UPDATE SET token_hash = EXCLUDED.token_hash, expires_at = EXCLUDED.expires_at;

-- name: take_set_up_token
-- Use it up; no row where it is not this one, or too old.
DELETE FROM heimdex.set_up_token WHERE token_hash = %(token_hash)s AND expires_at > now() RETURNING is_only;
