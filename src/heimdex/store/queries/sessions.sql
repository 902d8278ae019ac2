-- Sessions of people in browsers, by the hash of their token.

-- name: session_by_hash
-- Whose a session is, if it is not over.
SELECT owner_id::text, user_id::text, name, role, extract(epoch FROM now() - seen_at)::float8
  FROM heimdex.session_by_hash(%(token_hash)s, %(idle_s)s);

-- name: add_session
-- A new session.
INSERT INTO heimdex.app_session (owner_id, token_hash, user_id, expires_at)
VALUES (%(owner)s, %(token_hash)s, %(user)s, now() + make_interval(secs => %(valid_s)s))
ON CONFLICT (owner_id, token_hash) DO NOTHING;

-- name: see_session
-- It was used just now.
UPDATE heimdex.app_session SET seen_at = now() WHERE owner_id = %(owner)s AND token_hash = %(token_hash)s;

-- name: end_session
-- One is over.
DELETE FROM heimdex.app_session WHERE owner_id = %(owner)s AND token_hash = %(token_hash)s;

-- name: end_sessions
-- All of a user are over.
DELETE FROM heimdex.app_session WHERE owner_id = %(owner)s AND user_id = %(user)s;

-- name: sweep_sessions
-- Of this owner's those that ran out are forgotten.
DELETE FROM heimdex.app_session
 WHERE owner_id = %(owner)s
   AND (expires_at <= now() OR seen_at <= now() - make_interval(secs => %(idle_s)s));
