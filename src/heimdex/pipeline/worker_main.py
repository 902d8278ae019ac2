"""The inside of a worker process: read a call, do it, answer. See `worker.py` for the outside.

A call is `(function, args, timeout_s)`, the function named "package.module:name". It gets `report` as its
first argument; calling that sends progress and starts the clock again.

A job that spins in C runs no Python, so what ends an orphan (its parent was killed) is the kernel: when the
parent's end of the lifeline closes it sends SIGKILL. Where it cannot (macOS), an alarm's default action does,
once the job has been silent for longer than its parent would have allowed.
"""

from __future__ import annotations

import faulthandler
import fcntl
import importlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from heimdex.errors import HeimdexError, WorkerMemory

GRACE_S = 5.0  # what the parent gets to act on a late item before the alarm ends an orphan
HARD_LIMIT_FACTOR = 4  # of the memory limit: memory that is reserved but untouched counts here too
GO_FIRST = "900"  # of 1,000, in the kernel's order of whom to end when memory runs out
KERNEL_ENDS_ORPHANS = hasattr(fcntl, "F_SETSIG")


def serve(connection: Connection) -> None:
    """Answer calls until the parent goes away."""
    connection.send(("ready", None))
    while True:
        try:
            function, args, timeout_s = connection.recv()
        except EOFError:
            return
        _set_alarm(timeout_s + GRACE_S)
        answer = _answer(connection, function, args, timeout_s)
        _set_alarm(0)
        _send(connection, answer)


def _answer(
    connection: Connection, function: str, args: tuple[Any, ...], timeout_s: float
) -> tuple[str, Any]:
    def report(value: object = None) -> None:
        _set_alarm(timeout_s + GRACE_S)
        connection.send(("progress", value))

    try:
        return "result", _find(function)(report, *args)
    except HeimdexError as error:
        return "error", (type(error).__name__, str(error))
    except MemoryError:
        return "error", (WorkerMemory.__name__, "ran out of the memory a worker may use")
    except BrokenPipeError:
        sys.exit(0)  # the parent is gone, and nobody waits for this item
    except Exception as error:
        return _unexpected(f"unexpected {type(error).__name__}: {error}")


def _send(connection: Connection, answer: tuple[str, Any]) -> None:
    try:
        connection.send(answer)
    except OSError:
        raise  # the line itself: the parent is gone
    except Exception as error:  # pickle has no common error; nothing was sent yet
        connection.send(_unexpected(f"a result that cannot be sent: {error}"))


def _unexpected(message: str) -> tuple[str, Any]:
    return "unexpected", (message, traceback.format_exc())


def _find(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _set_alarm(seconds: float) -> None:
    if not KERNEL_ENDS_ORPHANS:
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _die_with_the_parent(lifeline: int) -> None:
    if KERNEL_ENDS_ORPHANS:
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
        return
    # A parent's disposition is inherited: the alarm must kill even where somebody had it ignored.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def _limit_memory(limit_bytes: int) -> None:
    """The hard brake, for a job that takes memory faster than the parent looks."""
    if limit_bytes and sys.platform == "linux":
        hard = HARD_LIMIT_FACTOR * limit_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _go_first() -> None:
    """Where the system itself runs out of memory, it shall end us and neither our parent nor the database."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(GO_FIRST)


def main() -> None:
    """Entry point: `python -m heimdex.pipeline.worker_main LINE LIFELINE MEMORY_LIMIT_BYTES`."""
    line, lifeline, memory_limit_bytes = map(int, sys.argv[1:4])
    faulthandler.enable()
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    _die_with_the_parent(lifeline)
    _limit_memory(memory_limit_bytes)
    _go_first()
    with Connection(line) as connection:
        try:
            serve(connection)
        except (BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main()
