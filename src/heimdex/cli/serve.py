"""`heimdex serve`: the HTTP service, and a worker beside it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json
from heimdex.errors import HeimdexError

if TYPE_CHECKING:
    from heimdex.app import Heimdex


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 for any that is free.", min=0, max=65_535)] = 8765,
    worker: Annotated[
        bool, typer.Option(help="Also work on jobs, beside other workers there may be.")
    ] = True,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Answer searches over HTTP, for browsers and programs, and work on jobs."""
    with door.opened(home, as_json=as_json) as heimdex:
        from heimdex.server.auth.options import auth_options
        from heimdex.server.auth.set_up import set_up_notice
        from heimdex.server.options import ServerOptions
        from heimdex.server.serving import Address, listen
        from heimdex.server.serving import serve as run

        try:
            _ = heimdex.incoming  # a wrong setting is told before anybody waits
            listener = listen(Address(host=host, port=port))
        except HeimdexError as error:
            door.fail(error, as_json=as_json)
        at = listener.getsockname()
        place = f"http://{f'[{at[0]}]' if ':' in at[0] else at[0]}:{at[1]}"
        door.show(
            as_json,
            lambda: {"listening": place},
            lambda: typer.echo(f"Heimdex listens on {place}; Ctrl-C ends it."),
        )
        auth = auth_options(heimdex.settings, bind_host=host)
        notice = set_up_notice(heimdex, auth)
        if notice is not None:
            typer.echo(notice, err=True)
        with _worker(heimdex, wanted=worker):
            run(heimdex, listener, ServerOptions(auth=auth))


@contextmanager
def _worker(heimdex: Heimdex, *, wanted: bool) -> Iterator[None]:
    """A worker in a thread: what it decodes and encodes, its own processes do."""
    if not wanted:
        yield
        return
    from heimdex.app.jobs import run_worker, worker_options

    stop, orderly = threading.Event(), True
    options = worker_options(heimdex.settings)

    def work() -> None:
        nonlocal orderly
        orderly = run_worker(heimdex, options, stop)

    thread = threading.Thread(target=work, name="jobs")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        if not orderly:  # a thread that does not listen: its job was handed back, and it can write nothing
            os._exit(0)
