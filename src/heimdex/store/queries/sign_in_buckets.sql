-- How often somebody may try to sign in: the generic cell rate algorithm, shared by all processes.

-- name: take
-- One attempt more; a row comes back only where the bucket has room.
INSERT INTO heimdex.sign_in_bucket AS b (bucket, full_at)
VALUES (%(bucket)s, clock_timestamp() + make_interval(secs => %(every_s)s))
ON CONFLICT (bucket) DO UPDATE
   SET full_at = greatest(b.full_at, clock_timestamp()) + make_interval(secs => %(every_s)s)
 WHERE greatest(b.full_at, clock_timestamp()) + make_interval(secs => %(every_s)s)
       <= clock_timestamp() + make_interval(secs => %(every_s)s * %(burst)s)
RETURNING bucket;

-- name: wait
-- Seconds until there is room for one.
SELECT greatest(0, extract(epoch FROM full_at - clock_timestamp()) - %(every_s)s * (%(burst)s - 1))::float8
  FROM heimdex.sign_in_bucket WHERE bucket = %(bucket)s;

-- name: give_back
-- The attempt was no guess.
UPDATE heimdex.sign_in_bucket SET full_at = full_at - make_interval(secs => %(every_s)s)
 WHERE bucket = %(bucket)s;

-- name: sweep
-- Forget buckets that are full again.
DELETE FROM heimdex.sign_in_bucket WHERE full_at < clock_timestamp();
