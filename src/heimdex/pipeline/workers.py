"""A pool of worker processes: started when needed, warmed once, replaced when they fail."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from heimdex.errors import HeimdexError, ModelError, ModelUnavailable, WorkerCrashed, WorkersUnavailable
from heimdex.pipeline.worker import STOPPED, Report, Worker

log = logging.getLogger(__name__)

START_TRIES = 2
WARM_TRIES = 2  # in a row; then it is the model that fails, and not the moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Warmth:
    """A call every fresh process makes before its first item, with time of its own."""

    function: str
    args: tuple[Any, ...]
    timeout_s: float
    on_begin: Callable[[], None] | None = field(default=None, compare=False)
    on_end: Callable[[float], None] | None = field(default=None, compare=False)  # gets the seconds it took


class WorkerPool:
    """Up to `size` workers. Thread-safe: a call takes a free one, or waits until there is one."""

    def __init__(self, size: int, *, memory_limit_bytes: int, warmth: Warmth | None = None) -> None:
        self.size = size
        self.memory_limit_bytes = memory_limit_bytes
        self.warmth = warmth
        # Last in, first out: a pool that is not busy keeps to the processes that are warm already.
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._all: set[Worker] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._cold = 0  # warm-ups that failed in a row
        self._unloadable: str | None = None  # loading it again for every item would change nothing

    def call(self, function: str, *args: object, timeout_s: float, on_progress: Report | None = None) -> Any:
        """Run the function "package.module:name" in a worker, with a reporter and `args`; its result.

        `timeout_s` is how long the function may go on without calling its reporter; what it reports goes to
        `on_progress`. Raises the HeimdexError that the function raised; WorkerTimeout, WorkerMemory,
        WorkerCrashed (also once the pool is closed); ModelError when a worker cannot be warmed;
        WorkersUnavailable when none can be started.
        """
        worker = self._idle.get()
        try:
            if worker is None or not worker.alive():
                self._discard(worker)
                worker = None
                worker = self._fresh()
            return worker.call(function, args, timeout_s=timeout_s, on_progress=on_progress)
        finally:
            if worker is not None and not worker.alive():
                self._discard(worker)
                worker = None
            self._idle.put(worker)

    def prepare(self) -> None:
        """Start a worker and warm it, lest the first call wait. What fails here, that call will tell."""
        worker = self._idle.get()
        try:
            if worker is None:
                worker = self._fresh()
        except HeimdexError as error:
            log.debug("a worker is not ready beforehand: %s", error)
        finally:
            self._idle.put(worker)

    @property
    def unloadable(self) -> str | None:
        """Why no worker can be warmed any more; None while one can."""
        with self._lock:
            return self._unloadable

    def pids(self) -> list[int]:
        """The processes there are now."""
        with self._lock:
            return [worker.pid for worker in self._all]

    def close(self) -> None:
        """End all workers at once, busy ones too; calls that wait for them raise WorkerCrashed."""
        with self._lock:
            self._closed = True
            for worker in self._all:
                worker.end()
        # Only the idle ones are ours to put away: a busy one's line is being read by its thread.
        taken = 0
        with suppress(queue.Empty):
            while taken < self.size:
                self._discard(self._idle.get_nowait())
                taken += 1
        for _ in range(taken):
            self._idle.put(None)

    def _fresh(self) -> Worker:
        """A worker that is ready and warm."""
        for tries_left in reversed(range(START_TRIES)):
            worker = self._started()
            try:
                worker.wait_ready()
                self._warm(worker)
            except WorkersUnavailable:
                self._discard(worker)
                if not tries_left:
                    raise
            except BaseException:
                self._discard(worker)
                raise
            else:
                return worker
        raise AssertionError("unreachable")

    def _started(self) -> Worker:
        with self._lock:
            if self._closed:
                raise WorkerCrashed(STOPPED)
            if self._unloadable is not None:
                raise ModelUnavailable(self._unloadable)
            worker = Worker(memory_limit_bytes=self.memory_limit_bytes)
            self._all.add(worker)
            return worker

    def _warm(self, worker: Worker) -> None:
        if self.warmth is None:
            return
        if self.warmth.on_begin is not None:
            self.warmth.on_begin()
        began_s = time.monotonic()
        try:
            worker.call(self.warmth.function, self.warmth.args, timeout_s=self.warmth.timeout_s)
        except HeimdexError as error:
            if self._closed:
                raise
            reason = str(error) if isinstance(error, ModelError) else f"the model does not load: {error}"
            with self._lock:
                self._cold += 1
                if isinstance(error, ModelError) or self._cold >= WARM_TRIES:
                    self._unloadable = reason
            raise ModelUnavailable(reason) from error
        self._cold = 0
        if self.warmth.on_end is not None:
            self.warmth.on_end(time.monotonic() - began_s)

    def _discard(self, worker: Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._all.discard(worker)
            worker.close()
