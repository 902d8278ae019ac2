"""`heimdex worker`: take jobs from the queue."""

from __future__ import annotations

import os
import signal
import threading
from typing import Annotated

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json

INTERRUPTED = 130


def worker(
    queues: Annotated[
        str, typer.Option(metavar="A,B", help="Take only jobs of these queues.")
    ] = "interactive,index,backfill",
    concurrency: Annotated[int, typer.Option(metavar="N", help="Jobs at the same time.")] = 1,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is left to do.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Work on jobs until told to stop (Ctrl-C, SIGTERM): what is in hand is handed back within 10 seconds."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        if stop.is_set():  # asked twice
            os._exit(INTERRUPTED)
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    with door.opened(home, as_json=as_json) as heimdex:
        from heimdex.app.jobs import run_worker, worker_options

        names = tuple(name.strip() for name in queues.split(",") if name.strip())
        options = worker_options(heimdex.settings, queues=names, concurrency=concurrency, once=once)
        typer.echo(f"Working on {', '.join(options.queues)}. Ctrl-C hands back and stops.", err=True)
        orderly = run_worker(heimdex, options, stop)
    if as_json:
        door.print_json({"stopped": True, "orderly": orderly})
    if not orderly:  # threads that do not listen: the interpreter would wait for them
        os._exit(0)
