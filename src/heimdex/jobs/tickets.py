"""Entries of the queue: made by procrastinate, on the connection of the transaction that changes the jobs."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from heimdex.entities import Job, JobState
from heimdex.jobs.kind import QUEUES, Registry

if TYPE_CHECKING:
    from procrastinate.manager import JobManager
    from psycopg import Connection

TASK = "heimdex"  # before the name of a kind


def queued(connection: Connection[Any], owner: str, registry: Registry, jobs: Sequence[Job]) -> list[Job]:
    """The jobs as waiting, each with a new entry in the queue. Rolled back with the transaction."""
    if not jobs:
        return []
    from procrastinate.jobs import Job as Ticket

    tickets = []
    for number, job in enumerate(jobs):
        position = zlib.crc32(jobs[0].job_id.encode()) + number  # of one batch, evenly over the slots
        tickets.append(
            Ticket(
                id=None,
                queue=job.queue,
                task_name=f"{TASK}.{job.kind}",
                priority=QUEUES[job.queue] + job.priority,
                lock=registry.lock(owner, job, position),
                queueing_lock=None,
                task_kwargs={"owner": owner, "job": job.job_id},
                scheduled_at=job.not_before,
            )
        )
    entered = _manager().batch_defer_jobs(tickets, connection=connection)
    return [
        replace(job, state=JobState.WAITING, ticket=ticket.id, wish=None)
        for job, ticket in zip(jobs, entered, strict=True)
    ]


@cache
def _manager() -> JobManager:
    """It never opens a connection of its own: every call brings one."""
    from procrastinate import SyncPsycopgConnector
    from procrastinate.manager import JobManager

    return JobManager(SyncPsycopgConnector())
