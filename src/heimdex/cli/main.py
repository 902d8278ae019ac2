"""The entry point, and how a command is stopped.

Ctrl-C, SIGTERM and a closed terminal all raise KeyboardInterrupt in the main thread: what is open is closed
on the way out, the worker processes and the last user's database server with it.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import NoReturn

INTERRUPTED = 130  # the exit code: 128 + SIGINT
ECHO_S = 2.0  # so soon after the first a signal is its echo: terminals and wrappers both send it
FAREWELL = b"Stopped. What was not finished, the next run goes on with.\n"


class _Stop:
    """What to do when asked to stop: begin to; when asked again because that takes long, be gone."""

    def __init__(self) -> None:
        self._asked_s: float | None = None

    def __call__(self, *_: object) -> None:
        if self._asked_s is None:
            self._asked_s = time.monotonic()
            raise KeyboardInterrupt
        if time.monotonic() - self._asked_s > ECHO_S:
            os._exit(INTERRUPTED)


def main() -> None:
    """Run the command line."""
    stop = _Stop()
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # under nohup it is ignored, and stays so
        signal.signal(signal.SIGHUP, stop)
    try:
        from heimdex.cli.commands import app

        app()
    except KeyboardInterrupt:
        _leave()
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:  # Typer makes this of a KeyboardInterrupt
            _leave()
        raise


def _leave() -> NoReturn:
    with suppress(OSError):
        os.write(2, FAREWELL)
    # Without the interpreter's own farewell, which joins threads: everything is closed already.
    os._exit(INTERRUPTED)
