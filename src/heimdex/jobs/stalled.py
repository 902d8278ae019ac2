"""Jobs of dead workers are queued again. Heartbeats tell who is dead; every worker looks now and then."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from heimdex.entities import Job, JobState
from heimdex.errors import NotFound, StoreError
from heimdex.jobs.changes import Change
from heimdex.jobs.kind import Registry
from heimdex.jobs.runner import RunnerOptions, fail, stand_still
from heimdex.store import jobs as rows

if TYPE_CHECKING:
    from psycopg import Connection

    from heimdex.store.database import Database

log = logging.getLogger(__name__)

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The queue belongs to no owner; as this one no job can be seen."""


def requeue_stalled(
    database: Database, registry: Registry, options: RunnerOptions, *, stalled_s: float
) -> int:
    """Queue again what workers had in hand that were not heard of for `stalled_s`; how many jobs.

    A death counts as a failure of the job unless it got further than before, so what kills its workers is
    parked in the end. The database sessions of such a worker are ended, and its claims with them: should it
    be only asleep, it wakes up with nothing in hand. Raises StoreError.
    """
    found = database.run(NOBODY, lambda c: rows.stalled_tickets(c, seconds=stalled_s))
    requeued = 0
    for ticket, arguments in found:
        owner = str(arguments.get("owner", NOBODY))
        work = partial(_requeue, ticket, arguments, registry, options, stalled_s)
        job = database.run(owner, work)
        if job is None:
            continue
        requeued += 1
        log.warning("job %s was in the hands of %s, which died; it is queued again", job.job_id, job.worker)
        name = (job.worker or "").rpartition("/")[2]
        if job.state == JobState.RUNNING and name and name != database.session_name:
            try:
                database.run(NOBODY, lambda c, name=name: rows.end_sessions(c, name))  # type: ignore[misc]
            except StoreError as error:  # a login that may not: the claims go when the machine is found out
                log.warning("its sessions cannot be ended: %s", error)
    return requeued


def _requeue(
    ticket: int,
    arguments: Mapping[str, Any],
    registry: Registry,
    options: RunnerOptions,
    stalled_s: float,
    connection: Connection[Any],
) -> Job | None:
    """One ticket; the job as it was found, None where there is nothing to do for it."""
    if not rows.is_stalled(connection, ticket, seconds=stalled_s):
        return None
    change = Change(connection=connection, owner=str(arguments.get("owner")), registry=registry)
    rows.delete_tickets(connection, [ticket])
    try:
        parent, job = change.lock(str(arguments.get("job")))
    except NotFound:
        return None
    if job.ticket != ticket or job.state not in (JobState.WAITING, JobState.RUNNING):
        return None
    if job.wish is not None:
        stand_still(change, parent, job)
    elif job.state == JobState.WAITING:  # taken from the queue, but not begun
        change.queue([job])
    else:
        at_once = replace(options, first_pause_s=0.0)
        fail(change, parent, job, f"its worker ({job.worker}) died or lost the database", at_once)
    return job
