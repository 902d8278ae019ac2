"""A worker: takes jobs from the queue until it is told to stop. asyncio lives in here only, in a thread."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heimdex.errors import HeimdexError, Stopped, UsageError
from heimdex.jobs.kind import QUEUES, Makers, Registry
from heimdex.jobs.runner import Runner, RunnerOptions
from heimdex.jobs.stalled import requeue_stalled
from heimdex.jobs.tickets import TASK
from heimdex.jobs.tidying import Tidying

if TYPE_CHECKING:
    from procrastinate import App, JobContext

    from heimdex.store.database import Database

log = logging.getLogger(__name__)

AGAIN_S = 1.0  # after the queue could not be read
LAST_WORDS_S = 1.5  # for what is handed back by force


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerOptions:
    """Which jobs a worker takes, and how the dead are told from the living."""

    queues: tuple[str, ...] = tuple(QUEUES)
    concurrency: int = 1
    once: bool = False  # stop when nothing is left to do
    heartbeat_s: float = 10.0
    stalled_s: float = 40.0  # without a heartbeat: given up
    sweep_s: float = 10.0  # between two looks for the dead
    tidy_s: float = 3600.0  # between two looks for what may be removed; one of all workers looks
    poll_s: float = 5.0  # should a notification get lost, and for jobs that are due later
    grace_s: float = 8.0  # to finish or to let go, once told to stop
    running: RunnerOptions = field(default_factory=RunnerOptions)

    def check(self) -> None:
        """Raises UsageError."""
        unknown = sorted(set(self.queues) - QUEUES.keys())
        if unknown or not self.queues:
            raise UsageError(f"no queue {', '.join(unknown)}; there are: {', '.join(QUEUES)}")
        if self.concurrency < 1:
            raise UsageError(f"--concurrency is {self.concurrency}; it starts at 1")
        if self.stalled_s < 2 * self.heartbeat_s:
            raise UsageError("stalled_s has to be twice heartbeat_s at least: one beat may come late")


def run_worker(
    database: Database, registry: Registry, makers: Makers, options: WorkerOptions, stop: threading.Event
) -> bool:
    """Work until `stop` is set; with `once`, until nothing is left. Whether all came to an orderly end.

    After `stop`, what is in hand ends or is handed back within `grace_s` and a little. Where this returns
    False, threads that do not listen are still busy and the process should be ended; they can write nothing.
    Uses three connections at most beside those of `database`. Raises UsageError.
    """
    options.check()
    name = f"{socket.gethostname()}/{os.getpid()}/{database.session_name}"
    runner = Runner(database, registry, makers, options.running, name)
    return Worker(database, runner, options, stop).run()


class Worker:
    """One worker process, or a thread of another process."""

    def __init__(
        self, database: Database, runner: Runner, options: WorkerOptions, stop: threading.Event
    ) -> None:
        self.database, self.runner, self.options = database, runner, options
        self._stop = stop
        self._ended = threading.Event()
        self._leave: Callable[[], object] = lambda: None
        self._guard = threading.Lock()

    def run(self) -> bool:
        """See `run_worker`."""
        thread = threading.Thread(target=self._take_jobs, name="worker", daemon=True)
        sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        tidier = threading.Thread(target=self._tidy, name="tidy", daemon=True)
        thread.start()
        sweeper.start()
        tidier.start()
        while not self._stop.is_set() and thread.is_alive():
            self._stop.wait(0.1)
        self._ended.set()
        deadline = time.monotonic() + self.options.grace_s
        self.runner.stop()
        with self._guard:
            self._leave()
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            self.runner.hand_back()
            thread.join(LAST_WORDS_S)
        sweeper.join(LAST_WORDS_S)
        tidier.join(LAST_WORDS_S)
        return not thread.is_alive()

    def _sweep(self) -> None:
        options = self.options
        while True:
            try:
                requeue_stalled(
                    self.database, self.runner.registry, options.running, stalled_s=options.stalled_s
                )
            except HeimdexError as error:
                log.warning("the queue cannot be looked through for dead workers: %s", error)
            if self._ended.wait(options.sweep_s):
                return

    def _tidy(self) -> None:
        """On a thread of its own: to remove millions of vectors takes a while."""
        if self.options.once:
            return
        tidying = Tidying(self.database, self._check_ended)
        try:
            while True:
                try:
                    tidying.look()
                except Stopped:
                    return
                except HeimdexError as error:
                    log.warning("vectors of models that were left cannot be removed now: %s", error)
                if self._ended.wait(self.options.tidy_s):
                    return
        finally:
            tidying.close()

    def _check_ended(self) -> None:
        if self._ended.is_set():
            raise Stopped("the worker was asked to stop")

    def _take_jobs(self) -> None:
        while not self._ended.is_set():
            before = self.runner.taken
            try:
                asyncio.run(self._serve())
            except Exception as error:
                # The database was away, or this worker was asleep for so long that it was given up.
                log.warning("the queue cannot be read (%s); trying again", error)
                self._ended.wait(AGAIN_S)
                continue
            if self.options.once and self.runner.taken == before:
                return

    async def _serve(self) -> None:
        """Register as a worker of the queue and take jobs; returns when told to leave."""
        options = self.options
        app = self._app()
        async with app.open_async():
            taking = asyncio.ensure_future(
                app.run_worker_async(
                    queues=list(options.queues),
                    name=self.runner.name,
                    concurrency=options.concurrency,
                    wait=not options.once,
                    fetch_job_polling_interval=options.poll_s,
                    update_heartbeat_interval=options.heartbeat_s,
                    stalled_worker_timeout=options.stalled_s,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                )
            )
            loop = asyncio.get_running_loop()
            with self._guard:
                self._leave = lambda: loop.is_closed() or loop.call_soon_threadsafe(taking.cancel)
            if self._ended.is_set():
                taking.cancel()
            try:
                await taking
            except asyncio.CancelledError:
                if not self._ended.is_set():
                    raise
            finally:
                with self._guard:
                    self._leave = lambda: None

    def _app(self) -> App:
        from procrastinate import App, PsycopgConnector

        connector = PsycopgConnector(conninfo=self.database.conninfo(), min_size=1, max_size=1)
        app = App(connector=connector)
        for kind in self.runner.registry:
            app.task(name=f"{TASK}.{kind.name}", pass_context=True)(self._run_ticket)
        return app

    def _run_ticket(self, context: JobContext, owner: str, job: str) -> Any:
        assert context.job.id is not None
        self.runner.run(owner, job, context.job.id)
