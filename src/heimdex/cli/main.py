"""The entry point, and how a command is stopped.

Ctrl-C, SIGTERM and a closed terminal all raise KeyboardInterrupt in the main thread: what is open is closed
on the way out, the worker processes and the last user's database server with it.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import NoReturn

from heimdex.cli.stopping import INTERRUPTED, STOP

FAREWELL = b"Stopped. What was not finished, the next run goes on with.\n"


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, STOP)
    signal.signal(signal.SIGTERM, STOP)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # under nohup it is ignored, and stays so
        signal.signal(signal.SIGHUP, STOP)
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
