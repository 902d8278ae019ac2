"""Supervised worker processes: warm, limited, replaced when they fail.

A thread cannot be stopped and native code is not trusted, so whatever decodes or infers runs in a process of
its own. An item that overruns its time, spins in C, aborts or eats memory costs its process and nothing else.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import IO, Any

from heimdex import errors
from heimdex.errors import HeimdexError, ModelError, WorkerCrashed, WorkerMemory, WorkerTimeout

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
POLL_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

Report = Callable[[Any], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Warmth:
    """A call every fresh process makes before its first item, with time of its own."""

    function: str
    args: tuple[Any, ...]
    timeout_s: float


class Worker:
    """One worker process and the line to it. Not shared between threads."""

    def __init__(self, *, memory_limit_bytes: int) -> None:
        self.memory_limit_bytes = memory_limit_bytes
        ours, theirs = socket.socketpair()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed by kill)
        command = [sys.executable, "-m", "heimdex.pipeline.worker_main"]
        self._process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(memory_limit_bytes)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is the parent's to handle
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        theirs.close()
        self._line = Connection(ours.detach())
        self._killed = False

    def wait_ready(self) -> None:
        """Wait until the process answers."""
        self._receive("start", START_TIMEOUT_S, None)

    def call(
        self, function: str, args: tuple[Any, ...], *, timeout_s: float, on_progress: Report | None = None
    ) -> Any:
        """The function's result. `timeout_s` is how long the worker may be silent.

        Raises WorkerTimeout, WorkerCrashed or WorkerMemory, after which this worker is of no more use; and
        whatever HeimdexError the function raised.
        """
        try:
            self._line.send((function, args, timeout_s))
        except OSError as error:
            raise self._crash() from error
        return self._receive(function, timeout_s, on_progress)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process can take another call."""
        return not self._killed and self._process.poll() is None

    def kill(self) -> None:
        """End the process now."""
        self._killed = True
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._line.close()
        self._errors.close()

    def _receive(self, function: str, timeout_s: float, on_progress: Report | None) -> Any:
        deadline = time.monotonic() + timeout_s
        tag: str
        value: Any
        while True:
            try:
                arrived = self._line.poll(POLL_S)
                tag, value = self._line.recv() if arrived else ("", None)
            except (EOFError, OSError) as error:
                raise self._crash() from error
            if tag == "progress":
                deadline = time.monotonic() + timeout_s
                if on_progress is not None:
                    on_progress(value)
            elif tag == "error":
                name, message = value
                raise getattr(errors, name, HeimdexError)(message)
            elif tag == "unexpected":
                message, trace = value
                log.debug("in worker, %s: %s", function, trace)
                raise WorkerCrashed(message)
            elif tag:
                return value
            self._check_memory()
            if time.monotonic() > deadline:
                self.kill()
                raise WorkerTimeout(f"Timeout after {timeout_s:.1f}s")

    def _check_memory(self) -> None:
        used = resident_bytes(self._process.pid)
        if self.memory_limit_bytes and used > self.memory_limit_bytes:
            self.kill()
            raise WorkerMemory(
                f"used {used / 2**20:.0f} MiB of memory, the limit is "
                f"{self.memory_limit_bytes / 2**20:.0f} MiB (HEIMDEX_WORKER_MEMORY_MB)"
            )

    def _crash(self) -> WorkerCrashed:
        if self._killed:
            return WorkerCrashed("the worker was stopped")
        try:
            code = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._errors.seek(0)
        tail = self._errors.read()[-2000:].decode("utf-8", "replace").strip()
        log.debug("worker %d died with %d: %s", self._process.pid, code, tail)
        self.kill()
        if code < 0:
            return WorkerCrashed(f"the worker process died of {signal.Signals(-code).name}")
        return WorkerCrashed(f"the worker process ended with exit code {code}")


class WorkerPool:
    """Up to `size` workers, started when needed, warmed once, replaced when they fail. Thread-safe."""

    def __init__(self, size: int, *, memory_limit_bytes: int, warmth: Warmth | None = None) -> None:
        self.size = size
        self.memory_limit_bytes = memory_limit_bytes
        self.warmth = warmth
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._all: set[Worker] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._unloadable: ModelError | None = None  # loading it again for every item would change nothing

    def call(self, function: str, *args: object, timeout_s: float, on_progress: Report | None = None) -> Any:
        """Run a function in the next free worker; see `Worker.call` for what it raises."""
        worker = self._idle.get()
        try:
            if worker is None or not worker.alive():
                self._discard(worker)
                worker = None
                worker = self._start()
            return worker.call(function, args, timeout_s=timeout_s, on_progress=on_progress)
        finally:
            if worker is not None and not worker.alive():
                self._discard(worker)
                worker = None
            self._idle.put(worker)

    def pids(self) -> list[int]:
        """The processes there are now."""
        with self._lock:
            return [worker.pid for worker in self._all]

    def close(self) -> None:
        """End all workers, busy ones too."""
        with self._lock:
            self._closed = True
            workers = list(self._all)
        for worker in workers:
            self._discard(worker)

    def _start(self) -> Worker:
        with self._lock:
            if self._closed:
                raise WorkerCrashed("the worker was stopped")
            if self._unloadable is not None:
                raise self._unloadable
            worker = Worker(memory_limit_bytes=self.memory_limit_bytes)
            self._all.add(worker)
        try:
            worker.wait_ready()
            if self.warmth is not None:
                worker.call(self.warmth.function, self.warmth.args, timeout_s=self.warmth.timeout_s)
        except BaseException as error:
            self._discard(worker)
            if isinstance(error, ModelError):
                self._unloadable = error
            raise
        return worker

    def _discard(self, worker: Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._all.discard(worker)
            worker.kill()


def resident_bytes(pid: int) -> int:
    """Memory a process holds, in bytes; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as stream:  # noqa: PTH123  (pathlib doubles the cost, at 20 Hz)
            return int(stream.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
