"""The inside of a worker process: read a call, do it, answer. See `workers.py` for the outside.

A call is `(function, args, timeout_s)`, the function named "package.module:name". It gets `report` as its
first argument; calling that sends progress and starts the clock again. A job that spins in C beyond its time
in an orphan (its parent was killed) is ended by the alarm's default action, which needs no Python to run.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from heimdex.errors import HeimdexError, WorkerMemory

GRACE_S = 5.0  # what the parent gets to act on a late item before the alarm ends an orphan


def serve(connection: Connection, memory_limit_bytes: int) -> None:
    """Answer calls until the parent goes away."""
    _limit_memory(memory_limit_bytes)
    # A parent's disposition is inherited: the alarm must kill even where somebody had it ignored.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    connection.send(("ready", None))
    while True:
        try:
            function, args, timeout_s = connection.recv()
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, timeout_s + GRACE_S)
        answer = _answer(connection, function, args, timeout_s)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send(answer)


def _answer(
    connection: Connection, function: str, args: tuple[Any, ...], timeout_s: float
) -> tuple[str, Any]:
    def report(value: object = None) -> None:
        signal.setitimer(signal.ITIMER_REAL, timeout_s + GRACE_S)
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
        detail = f"unexpected {type(error).__name__}: {error}"
        return "unexpected", (detail, traceback.format_exc())


def _find(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _limit_memory(limit_bytes: int) -> None:
    """The hard brake, four times the soft limit: reserved but untouched memory counts here too."""
    if limit_bytes and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (4 * limit_bytes, 4 * limit_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Entry point: `python -m heimdex.pipeline.worker_main FD MEMORY_LIMIT_BYTES`."""
    faulthandler.enable()
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    with Connection(int(sys.argv[1])) as connection:
        try:
            serve(connection, int(sys.argv[2]))
        except (BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main()
