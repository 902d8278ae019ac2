"""`heimdex correct`: what people know better than a file."""

from __future__ import annotations

from typing import Annotated

import typer

from heimdex.cli import dates, door
from heimdex.cli.door import Home, Json
from heimdex.errors import UsageError


def correct(
    asset: Annotated[str, typer.Argument(metavar="ID|PATH", help="An asset's id or path.")],
    title: Annotated[str | None, typer.Option(help="What it is called; '' takes that back.")] = None,
    taken_at: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When it was taken; '' goes back to what its file says."),
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say what an asset is called and when it was taken. The file itself is not touched."""
    from heimdex.pipeline.corrections import UNSAID, Correction

    if title is None and taken_at is None:
        door.fail(UsageError("say what is to be corrected: --title, --taken-at, or both"), as_json=as_json)
    with door.opened(home, as_json=as_json) as heimdex:
        correction = Correction(
            title=UNSAID if title is None else title or None,
            taken_at=UNSAID if taken_at is None else dates.since(taken_at) if taken_at else None,
        )
        found = heimdex.files.correct(asset, correction)["asset"]
        named = found["title"] or found["path"]
        door.show(
            as_json,
            lambda: {"asset": found},
            lambda: typer.echo(f"{named}: taken {found['taken_at']}"),
        )
