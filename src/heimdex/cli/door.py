"""What every command shares: `--json` and `--home`, an open library, errors as exit codes, one document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from heimdex.cli.stopping import STOP
from heimdex.config import Settings, read_settings
from heimdex.errors import HeimdexError, NotFound, QueryError, SettingsError, UsageError

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Home = Annotated[
    Path | None, typer.Option("--home", help="The data folder, in place of HEIMDEX_HOME.", show_default=False)
]

FAILED, USAGE = 1, 2


@contextmanager
def opened(home: Path | None, *, as_json: bool, owner: str | None = None) -> Iterator[Any]:
    """An open library; errors become a message and an exit code."""
    settings = settings_of(home, as_json=as_json, owner=owner)
    from heimdex.app import Heimdex

    STOP.is_closing = False
    try:
        with Heimdex(settings) as heimdex:
            try:
                yield heimdex
            finally:
                STOP.is_closing = True
    except HeimdexError as error:
        fail(error, as_json=as_json)


def settings_of(home: Path | None, *, as_json: bool, owner: str | None = None) -> Settings:
    """The settings, with logs set up as they say; a wrong one becomes a message and an exit code."""
    from heimdex.cli import logs

    try:
        given = {"home": home, "owner": owner}
        settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        fail(error, as_json=as_json)
    logs.set_up(settings.log_level, settings.log_format)
    return settings


def fail(error: HeimdexError, *, as_json: bool) -> NoReturn:
    """Say what went wrong, and leave with 2 for a wrong call, else 1."""
    if as_json:
        print_json({"error": {"type": type(error).__name__, "message": str(error)}})
    typer.echo(f"heimdex: {error}", err=True)
    usage = isinstance(error, (UsageError, SettingsError)) and not isinstance(error, NotFound)
    raise typer.Exit(USAGE if usage or isinstance(error, QueryError) else FAILED)


def show(as_json: bool, document: Callable[[], Any], people: Callable[[], Any]) -> None:
    """The document for programs, or the rendering for people."""
    if as_json:
        print_json(document())
    else:
        people()


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, default=str))
