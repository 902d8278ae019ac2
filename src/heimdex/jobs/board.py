"""The jobs of an owner, as whoever enqueues and watches them sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from heimdex.entities import Job, NewJob, is_uuid
from heimdex.errors import NotFound
from heimdex.jobs.changes import Change
from heimdex.jobs.kind import Registry
from heimdex.store import jobs as rows
from heimdex.store.jobs import JobFilter

if TYPE_CHECKING:
    from psycopg import Connection

    from heimdex.store.database import Database

KEPT_DAYS = 30  # a job that ended well
POLL_S = 0.2


class Board:
    """Enqueue, list, look at, cancel, pause, resume, retry. Thread-safe."""

    def __init__(self, database: Callable[[], Database], owner: str, registry: Registry) -> None:
        self._database, self.owner, self.registry = database, owner, registry

    def enqueue(self, kind: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> Job:
        """Enter a job: its row and its place in the queue, in one transaction.

        `options` are those of NewJob: priority, queue, not_before. Raises UsageError.
        """
        new = NewJob(kind=kind, arguments=arguments or {}, **options)
        entered: Job = self._change(lambda change: self._enter(change, new))
        return entered

    def enqueue_in(self, connection: Connection[Any], new: NewJob) -> Job:
        """Enter a job in a transaction of the caller's, whose owner is ours: both are there, or neither."""
        return Change(connection=connection, owner=self.owner, registry=self.registry).enter([new])[0]

    def find_in(self, connection: Connection[Any], job_id: str) -> Job | None:
        """A job, if there is one, in a transaction of the caller's, whose owner is ours."""
        return rows.find_any(connection, self.owner, job_id)

    def list(self, wanted: JobFilter | None = None) -> Sequence[Job]:
        """Jobs, the newest first; parts only where their whole is asked for."""
        return self._database().run(
            self.owner, lambda c: rows.find_some(c, self.owner, wanted or JobFilter()), read_only=True
        )

    def get(self, job_id: str) -> Job:
        """One job. Raises NotFound."""
        self._check(job_id)
        return self._database().run(self.owner, lambda c: rows.find(c, self.owner, job_id), read_only=True)

    def cancel(self, job_id: str) -> Job:
        """End it, running or not; what it wrote stays. One that has ended is left as it is."""
        return self._changed(job_id, lambda change: change.cancel(job_id))

    def pause(self, job_id: str) -> Job:
        """Have it wait; a running one stops within seconds. Raises UsageError where it has ended."""
        return self._changed(job_id, lambda change: change.pause(job_id))

    def resume(self, job_id: str) -> Job:
        """Have a paused job go on. Raises UsageError."""
        return self._changed(job_id, lambda change: change.resume(job_id))

    def retry(self, job_id: str) -> Job:
        """Try again what failed, was parked or cancelled. Raises UsageError."""
        return self._changed(job_id, lambda change: change.retry(job_id))

    def prioritise(self, job_id: str, priority: int) -> Job:
        """Change its priority within its queue, -400 to 400. Raises UsageError."""
        return self._changed(job_id, lambda change: change.prioritise(job_id, priority))

    def wait(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        on_change: Callable[[Job], None] | None = None,
        poll_s: float = POLL_S,
    ) -> Job:
        """Wait until it has ended, is paused, or the time is over; how it stands then."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            job = self.get(job_id)
            if on_change is not None:
                on_change(job)
            if job.state.has_ended or job.state == "paused":
                return job
            if deadline is not None and time.monotonic() >= deadline:
                return job
            time.sleep(poll_s)

    def _enter(self, change: Change, new: NewJob) -> Job:
        rows.forget_old(change.connection, self.owner, days=KEPT_DAYS)
        return change.enter([new])[0]

    def _changed(self, job_id: str, work: Callable[[Change], None]) -> Job:
        self._check(job_id)
        self._change(work)
        return self.get(job_id)

    def _change(self, work: Callable[[Change], Any]) -> Any:
        def run(connection: Connection[Any]) -> Any:
            return work(Change(connection=connection, owner=self.owner, registry=self.registry))

        return self._database().run(self.owner, run)

    def _check(self, job_id: str) -> None:
        if not is_uuid(job_id):
            raise NotFound(f"no job {job_id}; `heimdex jobs list` shows what there is")
