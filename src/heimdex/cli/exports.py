"""`heimdex export`: an asset in the forms other programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from heimdex.cli import archives, door
from heimdex.cli.door import Home, Json
from heimdex.errors import UsageError

TEXTS = ("sidecar", "srt", "vtt", "edl")
FOLDERS = ("parquet", "json")  # open indexes of one asset
FORMS = (*TEXTS, *FOLDERS)


def export(
    asset: Annotated[str, typer.Argument(metavar="ID|PATH", help="An asset's id or path.")],
    form: Annotated[
        str,
        typer.Option(
            "--as", metavar="|".join(FORMS), help="Everything as JSON, subtitles, a cut list, an open index."
        ),
    ] = "sidecar",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file, or folder.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """An asset as one JSON document with all that is known, as subtitles, a cut list, or an open index."""
    if form not in FORMS:
        door.fail(UsageError(f"no format called {form!r}; there are {', '.join(FORMS)}"), as_json=as_json)
    with door.opened(home, as_json=as_json) as heimdex:
        if form in FOLDERS:
            if output is None:
                raise UsageError(f"--as {form} writes a folder; name a new one with --output")
            found = heimdex.open_index.take_out(output, form=form, asset=asset)
            door.show(as_json, lambda: found, lambda: archives.show_export(found))
            return
        content = heimdex.export(asset) if form == "sidecar" else heimdex.export_text(asset, form)
        give(content, form, output, as_json=as_json)


def give(content: dict[str, Any] | str, form: str, output: Path | None, *, as_json: bool) -> None:
    """Write what was exported to a file, or to stdout: a text as it is, with --json in a document.

    Raises UsageError where the file cannot be written.
    """
    if output is not None:
        text = (
            content
            if isinstance(content, str)
            else json.dumps(content, indent=1, ensure_ascii=False, default=str)
        )
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {output}: {error.strerror}") from error
        door.show(as_json, lambda: {"written": str(output)}, lambda: typer.echo(f"written to {output}"))
    elif isinstance(content, str) and not as_json:
        typer.echo(content, nl=False)
    else:
        door.print_json({"format": form, "text": content} if isinstance(content, str) else content)
