"""Workers and kinds of jobs for tests: quick to beat, quick to be given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from heimdex.entities import Job
from heimdex.jobs.board import Board
from heimdex.jobs.kind import JobRun, Kind, Makers, Registry
from heimdex.jobs.runner import RunnerOptions
from heimdex.jobs.worker import WorkerOptions, run_worker
from heimdex.store.database import Database

QUICK = WorkerOptions(
    heartbeat_s=0.2,
    stalled_s=0.8,
    sweep_s=0.2,
    poll_s=0.1,
    grace_s=2.0,
    running=RunnerOptions(tick_s=0.05, first_pause_s=0.05, longest_pause_s=0.2),
)
PATIENCE_S = 30.0


def no_parts(*_: Any) -> Any:
    raise AssertionError("this kind needs no parts of a library")


MAKERS = Makers(tools=no_parts, searcher=no_parts)


@dataclass
class Bench:
    """A queue, its kinds and what they did, in the order in which they did it."""

    database: Database
    owner: str
    registry: Registry = field(default_factory=Registry)
    did: list[Any] = field(default_factory=list)

    def board(self, owner: str | None = None) -> Board:
        return Board(lambda: self.database, owner or self.owner, self.registry)

    def kind(self, name: str, work: Callable[[JobRun], Mapping[str, Any] | None], **options: Any) -> None:
        """A kind whose runs are written down."""

        def run(run: JobRun) -> Mapping[str, Any]:
            self.did.append(run.arguments.get("mark", name))
            return work(run) or {}

        self.registry.add(Kind(name=name, queue=options.pop("queue", "index"), work=run, **options))

    def work(self, options: WorkerOptions = QUICK) -> bool:
        """Work until nothing is left."""
        once = replace(options, once=True)
        return run_worker(self.database, self.registry, MAKERS, once, threading.Event())

    @contextmanager
    def working(self, options: WorkerOptions = QUICK) -> Iterator[threading.Event]:
        """A worker in the background; set the event to stop it."""
        stop = threading.Event()
        arguments = (self.database, self.registry, MAKERS, options, stop)
        thread = threading.Thread(target=run_worker, args=arguments)
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join()

    def wait(self, job: Job) -> Job:
        found = self.board().wait(job.job_id, timeout_s=PATIENCE_S, poll_s=0.02)
        assert found.state.has_ended or found.state == "paused", found
        return found
