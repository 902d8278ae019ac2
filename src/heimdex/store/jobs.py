"""Rows of jobs, and the entries of the queue that stand for them ("tickets")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.entities import Job, JobProgress, JobState
from heimdex.errors import NotFound, Superseded
from heimdex.store.sql import queries

SQL = queries("jobs")


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFilter:
    """Which jobs are listed. Without `parent`, parts are not."""

    states: tuple[JobState, ...] = ()
    kind: str | None = None
    parent_id: str | None = None
    before: str | None = None  # a job's id: only older ones
    limit: int = 50


def insert(connection: Connection[Any], owner: str, jobs: Iterable[Job]) -> None:
    """Enter new jobs."""
    rows = [
        {
            "owner": owner,
            "job": job.job_id,
            "parent": job.parent_id,
            "kind": job.kind,
            "queue": job.queue,
            "priority": job.priority,
            "arguments": Jsonb(job.arguments),
            "ticket": job.ticket,
            "not_before": job.not_before,
            "progress": _progress(job.progress),
        }
        for job in jobs
    ]
    with connection.cursor() as cursor:
        cursor.executemany(SQL["insert_job"], rows)


def find(connection: Connection[Any], owner: str, job_id: str) -> Job:
    """One job. Raises NotFound."""
    found = find_any(connection, owner, job_id)
    if found is None:
        raise NotFound(f"no job {job_id}; `heimdex jobs list` shows what there is")
    return found


def find_any(connection: Connection[Any], owner: str, job_id: str) -> Job | None:
    """One job, if there is one."""
    found = _select(connection, owner, JobFilter(limit=1), job_id)
    return found[0] if found else None


def find_some(connection: Connection[Any], owner: str, wanted: JobFilter) -> list[Job]:
    """Jobs, the newest first."""
    return _select(connection, owner, wanted, None)


def parent_of(connection: Connection[Any], owner: str, job_id: str) -> str | None:
    """The job this one is a part of."""
    row = connection.execute(SQL["parent_of_job"], {"owner": owner, "job": job_id}).fetchone()
    return None if row is None else row[0]


def lock(connection: Connection[Any], owner: str, job_id: str) -> Job:
    """One job, held for this transaction. Lock a part's whole before the part. Raises NotFound."""
    row = connection.execute(SQL["lock_job"], {"owner": owner, "job": job_id}).fetchone()
    if row is None:
        raise NotFound(f"no job {job_id}; `heimdex jobs list` shows what there is")
    return _job(row)


def lock_parts(connection: Connection[Any], owner: str, job_id: str, states: Sequence[JobState]) -> list[Job]:
    """The parts of a job in some states, held for this transaction."""
    wanted = {"owner": owner, "job": job_id, "states": [str(state) for state in states]}
    return [_job(row) for row in connection.execute(SQL["lock_parts"], wanted)]


def write(connection: Connection[Any], owner: str, job: Job) -> None:
    """Write what can change of a job that is held."""
    connection.execute(
        SQL["write_job"],
        {
            "owner": owner,
            "job": job.job_id,
            "priority": job.priority,
            "state": str(job.state),
            "phase": job.phase,
            "wish": job.wish,
            "progress": _progress(job.progress),
            "result": None if job.result is None else Jsonb(job.result),
            "error": None if job.error is None else job.error.replace("\0", "\\x00"),
            "attempts": job.attempts,
            "failures": job.failures,
            "ticket": job.ticket,
            "worker": job.worker,
            "not_before": job.not_before,
            "started_at": job.started_at,
            "ended": job.state.has_ended,
        },
    )


def tick(
    connection: Connection[Any], owner: str, job: Job, progress: JobProgress, *, gained: bool
) -> str | None:
    """Write how far an attempt has come; what the job is asked to do. Raises Superseded.

    `gained`: it has come further than earlier attempts, so that those no longer count as failures.
    """
    row = connection.execute(
        SQL["tick_job"],
        {
            "owner": owner,
            "job": job.job_id,
            "attempts": job.attempts,
            "progress": _progress(progress),
            "gained": gained,
        },
    ).fetchone()
    if row is None:
        raise Superseded(f"job {job.job_id} was taken over by another worker")
    wish: str | None = row[0]
    return wish


def count_parts(connection: Connection[Any], owner: str, job_id: str) -> dict[JobState, int]:
    """How many parts of a job are in each state."""
    rows = connection.execute(SQL["count_parts"], {"owner": owner, "job": job_id})
    return {JobState(state): count for state, count in rows}


def results_of_parts(connection: Connection[Any], owner: str, job_id: str) -> list[Mapping[str, Any]]:
    """What the parts gave."""
    return [row[0] for row in connection.execute(SQL["results_of_parts"], {"owner": owner, "job": job_id})]


def forget_old(connection: Connection[Any], owner: str, *, days: int) -> None:
    """Delete jobs that ended well so long ago."""
    connection.execute(SQL["forget_old_jobs"], {"owner": owner, "days": days})


def delete_tickets(connection: Connection[Any], tickets: Iterable[int | None]) -> None:
    """Take entries out of the queue."""
    connection.execute(SQL["delete_tickets"], {"tickets": [t for t in tickets if t is not None]})


def stalled_tickets(connection: Connection[Any], *, seconds: float) -> list[tuple[int, Mapping[str, Any]]]:
    """(ticket, its arguments) of workers that have not been heard of for so long."""
    return connection.execute(SQL["hold_stalled_tickets"], {"seconds": seconds}).fetchall()


def is_stalled(connection: Connection[Any], ticket: int, *, seconds: float) -> bool:
    """Whether that is so of one ticket, which is then held for this transaction."""
    found = connection.execute(SQL["is_stalled"], {"ticket": ticket, "seconds": seconds}).fetchone()
    return found is not None


def end_sessions(connection: Connection[Any], session_name: str) -> int:
    """End the database sessions of a worker that was given up; how many."""
    row = connection.execute(SQL["end_sessions"], {"name": session_name}).fetchone()
    return 0 if row is None else int(row[0])


def queue_depth(connection: Connection[Any]) -> list[tuple[str, str, int]]:
    """(queue, status, entries), of all owners."""
    return connection.execute(SQL["queue_depth"]).fetchall()


def _select(connection: Connection[Any], owner: str, wanted: JobFilter, job_id: str | None) -> list[Job]:
    rows = connection.execute(
        SQL["jobs"],
        {
            "owner": owner,
            "job": job_id,
            "parent": wanted.parent_id,
            "states": [str(state) for state in wanted.states] or None,
            "kind": wanted.kind,
            "before": wanted.before,
            "limit": wanted.limit,
        },
    )
    return [_job(row) for row in rows]


def _progress(progress: JobProgress) -> Jsonb:
    return Jsonb({name: value for name, value in asdict(progress).items() if value})


def _job(row: Sequence[Any]) -> Job:
    progress, state, started_at = row[9] or {}, JobState(row[6]), row[17]
    done, total = int(progress.get("done") or 0), int(progress.get("total") or 0)
    eta_s = progress.get("eta_s")
    if eta_s is None and state == JobState.RUNNING and 0 < done < total and started_at is not None:
        eta_s = round((datetime.now(UTC) - started_at).total_seconds() * (total - done) / done, 1)
    return Job(
        job_id=row[0],
        parent_id=row[1],
        kind=row[2],
        queue=row[3],
        priority=row[4],
        arguments=row[5],
        state=state,
        phase=row[7],
        wish=row[8],
        progress=JobProgress(
            done=done,
            total=total,
            current=progress.get("current") or "",
            eta_s=eta_s if state == JobState.RUNNING else None,
        ),
        result=row[10],
        error=row[11],
        attempts=row[12],
        failures=row[13],
        worker=row[14],
        not_before=row[15],
        created_at=row[16],
        started_at=started_at,
        finished_at=row[18],
        ticket=row[19],
    )
