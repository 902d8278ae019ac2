-- Jobs as their owners see them, and their tickets in the queue. Whoever changes a job locks its whole first.

-- name: insert_job
-- A new job.
INSERT INTO heimdex.job (owner_id, job_id, parent_id, kind, queue, priority, arguments, ticket, not_before, progress)
VALUES (%(owner)s, %(job)s, %(parent)s, %(kind)s, %(queue)s, %(priority)s, %(arguments)s, %(ticket)s,
        %(not_before)s, %(progress)s);

-- name: jobs
-- Jobs, the newest first. Of one that was split, the progress is that of its parts.
SELECT j.job_id::text, j.parent_id::text, j.kind, j.queue, j.priority, j.arguments, j.state, j.phase, j.wish,
       CASE WHEN j.phase <> 'work' AND parts.total > 0
            THEN jsonb_build_object('done', parts.done, 'total', parts.total) ELSE j.progress END,
       j.result, j.error, j.attempts, j.failures, j.worker, j.not_before, j.created_at, j.started_at,
       j.finished_at, j.ticket
  FROM heimdex.job j
  LEFT JOIN LATERAL (
      SELECT sum((p.progress ->> 'done')::bigint)::bigint AS done,
             sum((p.progress ->> 'total')::bigint)::bigint AS total
        FROM heimdex.job p WHERE p.owner_id = j.owner_id AND p.parent_id = j.job_id AND j.phase <> 'work') parts
    ON true
 WHERE j.owner_id = %(owner)s
   AND (%(job)s::uuid IS NULL OR j.job_id = %(job)s)
   AND (%(parent)s::uuid IS NOT NULL OR %(job)s::uuid IS NOT NULL OR j.parent_id IS NULL)
   AND (%(parent)s::uuid IS NULL OR j.parent_id = %(parent)s)
   AND (%(states)s::text[] IS NULL OR j.state = ANY(%(states)s))
   AND (%(kind)s::text IS NULL OR j.kind = %(kind)s)
   AND (%(before)s::uuid IS NULL OR j.job_id < %(before)s)
 ORDER BY j.job_id DESC LIMIT %(limit)s;

-- name: lock_job
-- One job, held for this transaction.
SELECT j.job_id::text, j.parent_id::text, j.kind, j.queue, j.priority, j.arguments, j.state, j.phase, j.wish,
       j.progress, j.result, j.error, j.attempts, j.failures, j.worker, j.not_before, j.created_at, j.started_at,
       j.finished_at, j.ticket
  FROM heimdex.job j WHERE j.owner_id = %(owner)s AND j.job_id = %(job)s FOR UPDATE;

-- name: lock_parts
-- The parts of a job in some states, held for this transaction.
SELECT j.job_id::text, j.parent_id::text, j.kind, j.queue, j.priority, j.arguments, j.state, j.phase, j.wish,
       j.progress, j.result, j.error, j.attempts, j.failures, j.worker, j.not_before, j.created_at, j.started_at,
       j.finished_at, j.ticket
  FROM heimdex.job j
 WHERE j.owner_id = %(owner)s AND j.parent_id = %(job)s AND j.state = ANY(%(states)s)
 ORDER BY j.job_id FOR UPDATE;

-- name: parent_of_job
-- Which job this one is a part of; it does not change, so nothing is locked.
SELECT parent_id::text FROM heimdex.job WHERE owner_id = %(owner)s AND job_id = %(job)s;

-- name: write_job
-- Write what can change of a job.
UPDATE heimdex.job
   SET priority = %(priority)s, state = %(state)s, phase = %(phase)s, wish = %(wish)s, progress = %(progress)s,
       result = %(result)s, error = %(error)s, attempts = %(attempts)s, failures = %(failures)s,
       ticket = %(ticket)s, worker = %(worker)s, not_before = %(not_before)s, started_at = %(started_at)s,
       finished_at = CASE WHEN %(ended)s THEN coalesce(finished_at, clock_timestamp()) END
 WHERE owner_id = %(owner)s AND job_id = %(job)s;

-- name: tick_job
-- How far an attempt has come; what the job is asked to do. No row: the attempt was taken over.
UPDATE heimdex.job
   SET progress = %(progress)s,
       failures = CASE WHEN %(gained)s THEN 0 ELSE failures END
 WHERE owner_id = %(owner)s AND job_id = %(job)s AND attempts = %(attempts)s AND state = 'running'
RETURNING wish;

-- name: count_parts
-- The parts of a job by state.
SELECT state, count(*) FROM heimdex.job WHERE owner_id = %(owner)s AND parent_id = %(job)s GROUP BY state;

-- name: results_of_parts
-- What the parts of a job gave.
SELECT result FROM heimdex.job WHERE owner_id = %(owner)s AND parent_id = %(job)s AND result IS NOT NULL
 ORDER BY job_id;

-- name: forget_old_jobs
-- Jobs that ended long ago, with their parts.
DELETE FROM heimdex.job
 WHERE owner_id = %(owner)s AND parent_id IS NULL AND finished_at < now() - make_interval(days => %(days)s)
   AND state IN ('done', 'cancelled');

-- name: delete_tickets
-- Take entries out of the queue.
DELETE FROM heimdex_queue.procrastinate_jobs WHERE id = ANY(%(tickets)s::bigint[]);

-- name: hold_stalled_tickets
-- Entries of workers whose heart has not beaten for so long, that have gone, or that could not say how it went;
-- what another process is looking at is left to it.
SELECT t.id, t.args
  FROM heimdex_queue.procrastinate_jobs t
  LEFT JOIN heimdex_queue.procrastinate_workers w ON w.id = t.worker_id
 WHERE (t.status = 'doing'
        AND (t.worker_id IS NULL OR w.last_heartbeat < now() - make_interval(secs => %(seconds)s)))
    OR t.status = 'failed'
 ORDER BY t.id LIMIT 500;

-- name: is_stalled
-- The same of one entry, held for this transaction; no row: somebody else looks at it, or has.
SELECT t.id
  FROM heimdex_queue.procrastinate_jobs t
  LEFT JOIN heimdex_queue.procrastinate_workers w ON w.id = t.worker_id
 WHERE t.id = %(ticket)s
   AND (t.status = 'failed'
        OR (t.status = 'doing'
            AND (t.worker_id IS NULL OR w.last_heartbeat < now() - make_interval(secs => %(seconds)s))))
   FOR UPDATE OF t SKIP LOCKED;

-- name: end_sessions
-- End the sessions of a worker that was given up: its claims and locks go with them.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE application_name = %(name)s AND usename = current_user AND pid <> pg_backend_pid();

-- name: queue_depth
-- Entries of the queue by queue and status, of all owners.
SELECT queue_name, status::text, count(*) FROM heimdex_queue.procrastinate_jobs GROUP BY 1, 2;
