"""Supervised worker processes: warm, limited, replaced when they fail.

A thread cannot be stopped and native code is not trusted, so whatever decodes or infers runs in a process of
its own. An item that overruns its time, spins in C, aborts or eats memory costs its process and nothing else.
See docs/decisions/0006-worker-processes.md.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import IO, Any

from heimdex import errors
from heimdex.errors import HeimdexError, WorkerCrashed, WorkerMemory, WorkersUnavailable, WorkerTimeout

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
POLL_S = 0.05
REAP_TIMEOUT_S = 2.0  # a process that hangs in the kernel (a dead network disk) is not waited for longer
SAID_LIMIT_BYTES = 1 << 20  # of what a worker writes to its stderr; then the file starts over
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STOPPED = "the worker was stopped"

Report = Callable[[Any], None]

_SECRET = re.compile(r"^(HEIMDEX_(?!HOME$)|AWS_|PG)|(TOKEN|KEY|SECRET|PASSWORD|CREDENTIALS)$", re.IGNORECASE)


class Worker:
    """One worker process and the line to it. Used by one thread at a time; only `end` is for any thread."""

    def __init__(self, *, memory_limit_bytes: int) -> None:
        """Start the process. Raises WorkersUnavailable."""
        self.memory_limit_bytes = memory_limit_bytes
        self._ended = False
        self._busy = False
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed by close)
        # Appending, so that the worker goes on at the start after the file was cut.
        fcntl.fcntl(self._said, fcntl.F_SETFL, os.O_APPEND)
        ours, theirs = socket.socketpair()
        held, self._lifeline = os.pipe()
        self._line = Connection(ours.detach())
        try:
            self._process = _spawn((theirs.fileno(), held), memory_limit_bytes, self._said)
        except OSError as error:
            self._close_files()
            raise WorkersUnavailable(
                f"no worker process can be started ({error.strerror}); free memory or raise the limit on "
                "processes, then run `heimdex index` again"
            ) from error
        finally:
            theirs.close()
            os.close(held)

    def wait_ready(self) -> None:
        """Wait until the process answers. Raises WorkersUnavailable; WorkerCrashed when it was ended."""
        self._busy = True
        try:
            self._receive("start", START_TIMEOUT_S, None)
        except WorkerTimeout as error:
            raise WorkersUnavailable(
                f"a worker process did not start within {START_TIMEOUT_S:.0f} s; the machine may be out of "
                "memory: close other programs, then run `heimdex index` again"
            ) from error
        except WorkerCrashed as error:
            if str(error) == STOPPED:
                raise
            raise WorkersUnavailable(f"worker processes do not start: {error}{self._last_words}") from error

    def call(
        self, function: str, args: tuple[Any, ...], *, timeout_s: float, on_progress: Report | None = None
    ) -> Any:
        """The function's result. `timeout_s` is how long the worker may be silent.

        Raises WorkerTimeout, WorkerCrashed or WorkerMemory, and whatever HeimdexError the function raised.
        Afterwards `alive` tells whether the process can take another call.
        """
        self._busy = True  # until the answer is here: a call that is left in between spoils the line
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
        return not self._ended and not self._busy and self._process.poll() is None

    def end(self) -> None:
        """End the process now. Whoever waits for its answer gets WorkerCrashed."""
        self._ended = True
        self._process.kill()

    def close(self) -> None:
        """End the process and let go of everything. Not while another thread waits for an answer."""
        self.end()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(REAP_TIMEOUT_S)
        self._close_files()

    def _close_files(self) -> None:
        self._line.close()
        self._said.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _receive(self, function: str, timeout_s: float, on_progress: Report | None) -> Any:
        deadline = time.monotonic() + timeout_s
        while True:
            tag, value = self._next(POLL_S)
            if not tag and time.monotonic() > deadline:
                tag, value = self._next(0)  # it may have come while this process was the one that slept
                if not tag:
                    self.end()
                    raise WorkerTimeout(f"Timeout after {timeout_s:.1f}s")
            if tag == "progress":
                deadline = time.monotonic() + timeout_s
                if on_progress is not None:
                    on_progress(value)
            elif tag:
                self._busy = False
                return _opened(tag, value, function)
            self._check_limits()

    def _next(self, wait_s: float) -> tuple[str, Any]:
        """The next message as (tag, value); an empty tag when none came in that time."""
        try:
            return self._line.recv() if self._line.poll(wait_s) else ("", None)
        except (EOFError, OSError) as error:
            raise self._crash() from error
        except Exception as error:  # what cannot be unpickled here
            raise WorkerCrashed(f"the worker's answer cannot be read: {error}") from error

    def _check_limits(self) -> None:
        used = resident_bytes(self._process.pid)
        if self.memory_limit_bytes and used > self.memory_limit_bytes:
            self.end()
            raise WorkerMemory(
                f"used {used / 2**20:.0f} MiB of memory, the limit is "
                f"{self.memory_limit_bytes / 2**20:.0f} MiB (HEIMDEX_WORKER_MEMORY_MB)"
            )
        if os.fstat(self._said.fileno()).st_size > SAID_LIMIT_BYTES:
            os.ftruncate(self._said.fileno(), 0)

    def _crash(self) -> WorkerCrashed:
        """What there is to say of a process that closed its line."""
        if self._ended:
            return WorkerCrashed(STOPPED)
        self._ended = True
        try:
            code = self._process.wait(REAP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return WorkerCrashed("the worker process closed its line and was ended")
        log.debug("worker %d ended with %d%s", self._process.pid, code, self._last_words)
        if code >= 0:
            return WorkerCrashed(f"the worker process ended with exit code {code}")
        hint = " (the system may have run out of memory)" if -code == signal.SIGKILL else ""
        return WorkerCrashed(f"the worker process died of {_signal_name(-code)}{hint}")

    @property
    def _last_words(self) -> str:
        """The last line of what the process wrote to stderr, with a colon before it."""
        self._said.seek(0)
        lines = self._said.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


def _spawn(handles: tuple[int, int], memory_limit_bytes: int, said: IO[bytes]) -> subprocess.Popen[bytes]:
    """The process; `handles` are its ends of the line and of the lifeline."""
    # -P, or a file numpy.py in the folder that is being indexed would run in place of numpy.
    command = [sys.executable, "-P", "-m", "heimdex.pipeline.worker_main"]
    return subprocess.Popen(
        [*command, *map(str, handles), str(memory_limit_bytes)],
        pass_fds=handles,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,  # Ctrl-C is the parent's to handle
        env=_environment() | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def _environment() -> dict[str, str]:
    """What a worker may know of ours: settings come with its calls, and it decodes what strangers made."""
    return {name: value for name, value in os.environ.items() if not _SECRET.search(name)}


def _opened(tag: str, value: Any, function: str) -> Any:
    """An answer's value; an error that was sent is raised."""
    if tag == "error":
        name, message = value
        raise getattr(errors, name, HeimdexError)(message)
    if tag == "unexpected":
        message, trace = value
        log.debug("in worker, %s: %s", function, trace)
        raise WorkerCrashed(message)
    return value


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def resident_bytes(pid: int) -> int:
    """Memory a process holds, in bytes; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as stream:  # noqa: PTH123  (pathlib doubles the cost, at 20 Hz)
            return int(stream.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
