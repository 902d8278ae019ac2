"""What can happen to a job, inside a transaction of its owner. A part's whole is locked before the part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from heimdex.entities import Job, JobProgress, JobState, NewJob, new_id
from heimdex.errors import UsageError
from heimdex.jobs.kind import MOST_PRIORITY, QUEUES, Registry
from heimdex.jobs.tickets import queued
from heimdex.store import jobs as rows

if TYPE_CHECKING:
    from psycopg import Connection

OPEN = (JobState.WAITING, JobState.RUNNING, JobState.PAUSED)
UNSUCCESSFUL = (JobState.FAILED, JobState.PARKED, JobState.CANCELLED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One transaction in which jobs of an owner change."""

    connection: Connection[Any]
    owner: str
    registry: Registry

    def enter(self, wanted: Sequence[NewJob], parent: Job | None = None) -> list[Job]:
        """Enter new jobs and their tickets. Raises UsageError."""
        made = [self._made(new, parent) for new in wanted]
        entered = queued(self.connection, self.owner, self.registry, made)
        rows.insert(self.connection, self.owner, entered)
        return entered

    def lock(self, job_id: str) -> tuple[Job | None, Job]:
        """(its whole, the job), both held. Raises NotFound."""
        parent_id = rows.parent_of(self.connection, self.owner, job_id)
        parent = None if parent_id is None else rows.lock(self.connection, self.owner, parent_id)
        return parent, rows.lock(self.connection, self.owner, job_id)

    def write(self, job: Job) -> Job:
        """Write a job that is held."""
        rows.write(self.connection, self.owner, job)
        return job

    def queue(self, jobs: Sequence[Job]) -> list[Job]:
        """Put jobs into the queue again, in place of the entries they had."""
        rows.delete_tickets(self.connection, [job.ticket for job in jobs])
        return [self.write(job) for job in queued(self.connection, self.owner, self.registry, jobs)]

    def settle(self, parent: Job | None, job: Job) -> None:
        """Write a job that ended, or stands; the last part of a job has the whole conclude."""
        self.write(job)
        if parent is not None:
            self.conclude_if_whole(parent)

    def conclude_if_whole(self, parent: Job) -> None:
        """Have a job conclude whose parts have all ended."""
        counts = rows.count_parts(self.connection, self.owner, parent.job_id)
        if parent.state == JobState.RUNNING and parent.phase == "parts" and not any(map(counts.get, OPEN)):
            self.queue([replace(parent, phase="conclude", not_before=None)])

    def cancel(self, job_id: str) -> None:
        """Cancel a job and its parts; one that runs is asked to stop."""
        parent, job = self.lock(job_id)
        if job.state == JobState.PARKED or not job.state.has_ended:
            self._end(job, "cancel", JobState.CANCELLED)
        if parent is not None:
            self.conclude_if_whole(parent)

    def pause(self, job_id: str) -> None:
        """Have a job and its parts wait until `resume`. Raises UsageError for one that has ended."""
        _, job = self.lock(job_id)
        if job.state.has_ended:
            raise UsageError(f"job {job_id} has ended ({job.state}); there is nothing to pause")
        if job.state != JobState.PAUSED:
            self._end(job, "pause", JobState.PAUSED)

    def _end(self, job: Job, wish: str, state: JobState) -> None:
        """A job that nobody works on stands still at once; one that is worked on is asked to."""
        if job.phase == "parts":
            for part in rows.lock_parts(self.connection, self.owner, job.job_id, OPEN):
                self._end(part, wish, state)
        elif job.state == JobState.RUNNING:
            self.write(replace(job, wish=wish))
            return
        rows.delete_tickets(self.connection, [job.ticket])
        self.write(replace(job, state=state, wish=None, ticket=None))

    def resume(self, job_id: str) -> None:
        """Have a paused job go on. Raises UsageError for one that is not paused."""
        parent, job = self.lock(job_id)
        if job.state == JobState.RUNNING and job.wish == "pause":
            self.write(replace(job, wish=None))
            return
        if job.state != JobState.PAUSED:
            raise UsageError(f"job {job_id} is not paused ({job.state})")
        if parent is not None and parent.state == JobState.PAUSED:
            raise UsageError(f"job {job_id} is part of {parent.job_id}, which is paused; resume that")
        if job.phase != "parts":
            self.queue([job])
            return
        self._reopen(job, (JobState.PAUSED,))

    def retry(self, job_id: str) -> None:
        """Try a job again that failed, was parked or cancelled: its parts that did. Raises UsageError."""
        parent, job = self.lock(job_id)
        if job.state not in UNSUCCESSFUL:
            raise UsageError(f"job {job_id} did not fail ({job.state}); there is nothing to try again")
        if job.phase == "work":
            self.queue([_afresh(job)])
        else:
            self._reopen(job, (*UNSUCCESSFUL, JobState.PAUSED))
        if parent is not None and (parent.state.has_ended or parent.phase == "conclude"):
            rows.delete_tickets(self.connection, [parent.ticket])
            self.write(replace(_afresh(parent), phase="parts", state=JobState.RUNNING, ticket=None))

    def _reopen(self, job: Job, states: Sequence[JobState]) -> None:
        parts = rows.lock_parts(self.connection, self.owner, job.job_id, states)
        self.queue([part if part.state == JobState.PAUSED else _afresh(part) for part in parts])
        rows.delete_tickets(self.connection, [job.ticket])
        whole = replace(_afresh(job), phase="parts", state=JobState.RUNNING, ticket=None)
        self.write(whole)
        self.conclude_if_whole(whole)

    def prioritise(self, job_id: str, priority: int) -> None:
        """Put a job that has not ended, and its parts, further to the front or back of the queue."""
        _check_priority(priority)
        _, job = self.lock(job_id)
        if job.state.has_ended:
            raise UsageError(f"job {job_id} has ended ({job.state})")
        parts = rows.lock_parts(self.connection, self.owner, job_id, OPEN)
        for one in (job, *parts):
            changed = replace(one, priority=priority)
            if one.state == JobState.WAITING:
                self.queue([changed])
            else:
                self.write(changed)

    def _made(self, new: NewJob, parent: Job | None) -> Job:
        kind = self.registry.find(new.kind)
        if kind.check is not None:
            kind.check(new.arguments)
        queue = new.queue or (kind.queue if parent is None else parent.queue)
        if queue not in QUEUES:
            raise UsageError(f"no queue is called {queue!r}; there are: {', '.join(QUEUES)}")
        _check_priority(new.priority)
        return fresh_job(new, queue, None if parent is None else parent.job_id)


def fresh_job(new: NewJob, queue: str, parent_id: str | None) -> Job:
    """A job that was not entered yet."""
    files: Mapping[str, Any] = new.arguments
    counted = files.get("paths")
    total = len(counted) if isinstance(counted, list) and parent_id is not None else 0
    return Job(
        job_id=new.job_id or new_id(),
        parent_id=parent_id,
        kind=new.kind,
        queue=queue,
        priority=new.priority,
        arguments=new.arguments,
        state=JobState.WAITING,
        phase="work",
        wish=None,
        progress=JobProgress(total=total),
        result=None,
        error=None,
        attempts=0,
        failures=0,
        worker=None,
        not_before=new.not_before,
        created_at=datetime.now(UTC),
        started_at=None,
        finished_at=None,
    )


def _afresh(job: Job) -> Job:
    return replace(job, failures=0, error=None, result=None, not_before=None, wish=None)


def _check_priority(priority: int) -> None:
    if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
        raise UsageError(f"a priority is between -{MOST_PRIORITY} and {MOST_PRIORITY}, not {priority}")
