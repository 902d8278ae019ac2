"""One job from its ticket to its end, in a thread of a worker."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from heimdex.entities import Job, JobProgress, JobState
from heimdex.errors import (
    DatabaseUnavailable,
    LicenceNotAccepted,
    NotFound,
    SettingsError,
    Stopped,
    Superseded,
    UsageError,
)
from heimdex.jobs.changes import UNSUCCESSFUL, Change
from heimdex.jobs.job_ids import working_on
from heimdex.jobs.kind import JobRun, Makers, Registry
from heimdex.store import jobs as rows

if TYPE_CHECKING:
    from psycopg import Connection

    from heimdex.store.database import Database

log = logging.getLogger(__name__)

FINAL = (UsageError, SettingsError, LicenceNotAccepted)
"""Trying again would not help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunnerOptions:
    """How stubbornly, and how closely watched, jobs are run."""

    tick_s: float = 1.0  # between two looks at a running job's row
    first_pause_s: float = 5.0  # before a job that failed is tried again; doubles each time
    longest_pause_s: float = 600.0


@dataclass(kw_only=True)
class _Running:
    """A job in hand. `why` it was stopped: handing back, pause, cancel, superseded; None: it was not."""

    run: JobRun
    why: str | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def stop(self, why: str) -> None:
        self.why = self.why or why
        self.run.stop.set()


class Runner:
    """Runs jobs, several at once if asked to. `name` is `machine/process/session name`."""

    def __init__(
        self, database: Database, registry: Registry, makers: Makers, options: RunnerOptions, name: str
    ) -> None:
        self.database, self.registry, self.makers = database, registry, makers
        self.options, self.name = options, name
        self.taken = 0  # jobs that were begun
        self._running: dict[str, _Running] = {}
        self._stopping = False
        self._guard = threading.Lock()

    def run(self, owner: str, job_id: str, ticket: int) -> None:
        """Do what a ticket stands for. Raises only where the database cannot be told how it went."""
        try:
            job = self.database.run(owner, partial(self._claim, owner, job_id, ticket))
        except NotFound:  # it was deleted, with its whole
            return
        if job is None:
            return
        self.taken += 1
        results = partial(self._results, owner, job_id)
        running = _Running(run=JobRun(owner=owner, job=job, makers=self.makers, results=results))
        running.run.latest = job.progress
        with self._guard:
            self._running[job_id] = running
            if self._stopping:
                running.stop("hand back")
        watch = threading.Thread(target=self._watch, args=(running,), name=f"watch-{job_id}", daemon=True)
        watch.start()
        try:
            self._work(running)
        finally:
            running.ended.set()
            watch.join()
            with self._guard:
                del self._running[job_id]

    def stop(self) -> None:
        """Ask everything in hand to come to its end, to be handed back."""
        with self._guard:
            self._stopping = True
            for running in self._running.values():
                running.stop("hand back")

    def hand_back(self) -> int:
        """Give back what does not come to its end, whose threads can write nothing from then on; how many."""
        with self._guard:
            left = list(self._running.values())
        for running in left:
            log.warning("job %s does not stop; it is handed back", running.run.job_id)
            self._settle(running, partial(self._handed_back, running))
        return len(left)

    def _claim(self, owner: str, job_id: str, ticket: int, connection: Connection[Any]) -> Job | None:
        change = Change(connection=connection, owner=owner, registry=self.registry)
        _, job = change.lock(job_id)
        if job.state != JobState.WAITING or job.ticket != ticket:
            return None  # it was cancelled, paused, or queued anew
        self.registry.find(job.kind)
        return change.write(
            replace(
                job,
                state=JobState.RUNNING,
                attempts=job.attempts + 1,
                worker=self.name,
                wish=None,
                started_at=job.started_at if job.phase == "conclude" else datetime.now(UTC),
            )
        )

    def _work(self, running: _Running) -> None:
        with working_on(running.run.job_id):
            self._do(running)

    def _do(self, running: _Running) -> None:
        run = running.run
        kind = self.registry.find(run.job.kind)
        log.info("job %s (%s) begins, attempt %d", run.job_id, kind.name, run.job.attempts)
        try:
            run.check_stop()
            if run.job.phase == "conclude":
                result = {} if kind.conclude is None else kind.conclude(run)
            else:
                result = kind.work(run)
                if not run.parts and kind.conclude is not None:
                    run.job = replace(run.job, result=dict(result))  # as it is where parts came between
                    result = dict(result) | dict(kind.conclude(run))
        except Exception as error:
            self._settle(running, partial(self._failed, running, error))
        else:
            try:
                self._settle(running, partial(self._succeeded, running, result))
            except FINAL as error:  # parts that cannot be entered
                self._settle(running, partial(self._failed, running, error))

    def _settle(self, running: _Running, outcome: Any) -> None:
        """Write how a run ended, unless the job was taken over meanwhile."""
        run = running.run

        def write(connection: Connection[Any]) -> None:
            change = Change(connection=connection, owner=run.owner, registry=self.registry)
            parent, job = change.lock(run.job_id)
            if job.state != JobState.RUNNING or job.attempts != run.job.attempts:
                raise Superseded(f"job {run.job_id} was taken over; its result is dropped")
            outcome(change, parent, replace(job, progress=_furthest(job.progress, run.latest)))

        try:
            self.database.run(run.owner, write)
        except (Superseded, NotFound) as error:
            log.info("%s", error)

    def _succeeded(
        self, running: _Running, result: Mapping[str, Any], change: Change, parent: Job | None, job: Job
    ) -> None:
        run = running.run
        done = replace(job, result=result, error=None, failures=0, wish=None, ticket=None)
        if run.parts and job.wish is None:
            change.write(replace(done, phase="parts"))
            parts = change.enter(run.parts, parent=job)
            log.info("job %s is split into %d parts", job.job_id, len(parts))
            return
        if run.parts:  # asked to stop while it was being split: it is split again
            self._stood_still(job, change, parent)
            return
        if run.followers:
            ids = [one.job_id for one in change.enter(run.followers)]
            done = replace(done, result=dict(result) | {"followed_by": ids})
        state = JobState.DONE
        if job.phase == "conclude":
            counts = rows.count_parts(change.connection, change.owner, job.job_id)
            lost = sum(counts.get(one, 0) for one in UNSUCCESSFUL)
            if lost:
                state = JobState.FAILED
                error = f"{lost} of {sum(counts.values())} parts did not succeed; see its parts, or retry it"
                done = replace(done, error=error)
        change.settle(parent, replace(done, state=state))

    def _failed(
        self, running: _Running, error: Exception, change: Change, parent: Job | None, job: Job
    ) -> None:
        if running.why is not None and (isinstance(error, Stopped) or running.run.stop.is_set()):
            if running.why == "hand back" and job.wish is None:
                self._handed_back(running, change, parent, job)
            else:
                self._stood_still(replace(job, wish=job.wish or running.why), change, parent)
            return
        log.warning("job %s failed: %s", job.job_id, error, exc_info=not isinstance(error, FINAL))
        text = str(error) or type(error).__name__
        if isinstance(error, FINAL):
            ended = replace(job, state=JobState.FAILED, error=text, ticket=None, wish=None)
            change.settle(parent, ended)
            return
        fail(change, parent, job, text, self.options)

    def _handed_back(self, running: _Running, change: Change, parent: Job | None, job: Job) -> None:
        del running, parent
        change.queue([replace(job, not_before=None, ticket=None)])  # its ticket is procrastinate's to delete

    def _stood_still(self, job: Job, change: Change, parent: Job | None) -> None:
        stand_still(change, parent, job)

    def _results(self, owner: str, job_id: str) -> list[Mapping[str, Any]]:
        return self.database.run(owner, lambda c: rows.results_of_parts(c, owner, job_id), read_only=True)

    def _watch(self, running: _Running) -> None:
        """Write the progress of a run, and see what it is asked to do."""
        run, best = running.run, running.run.job.progress.done
        while not running.ended.wait(self.options.tick_s):
            latest = _furthest(run.job.progress, run.latest)
            try:
                wish = self.database.run(
                    run.owner,
                    partial(_tick, run, latest, gained=latest.done > best),
                    patience_s=self.options.tick_s,
                )
            except Superseded as error:
                log.warning("%s", error)
                running.stop("superseded")
                return
            except DatabaseUnavailable as error:
                log.warning("%s", error)
                continue
            best = max(best, latest.done)
            if wish is not None:
                running.stop(wish)


def fail(change: Change, parent: Job | None, job: Job, error: str, options: RunnerOptions) -> None:
    """A failure that may pass: the job is tried again later, or parked once it failed too often."""
    failures = job.failures + 1
    most = change.registry.find(job.kind).most_failures
    if failures >= most:
        parked = replace(job, state=JobState.PARKED, failures=failures, error=error, ticket=None, wish=None)
        change.settle(parent, parked)
        return
    pause_s = min(options.longest_pause_s, options.first_pause_s * 2 ** (failures - 1))
    later = datetime.now(UTC) + timedelta(seconds=pause_s * random.uniform(0.75, 1.25))
    change.queue([replace(job, failures=failures, error=error, not_before=later, ticket=None)])


def stand_still(change: Change, parent: Job | None, job: Job) -> None:
    """A running job that stopped as it was asked to."""
    state = JobState.PAUSED if job.wish == "pause" else JobState.CANCELLED
    change.settle(parent, replace(job, state=state, wish=None, ticket=None))


def _tick(run: JobRun, latest: JobProgress, connection: Connection[Any], *, gained: bool) -> str | None:
    return rows.tick(connection, run.owner, run.job, latest, gained=gained)


def _furthest(before: JobProgress, now: JobProgress) -> JobProgress:
    """What a job has done is not undone by a new attempt that has to come that far first."""
    return replace(now, done=max(now.done, min(before.done, now.total or before.done)))
