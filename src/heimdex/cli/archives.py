"""`heimdex export-index`, `import-index`: a library in files that anybody can read; `backup`, `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json

Owner = Annotated[str | None, typer.Option(metavar="UUID", help="Whose library.")]


def export_index(
    folder: Annotated[Path, typer.Argument(help="A new folder.", metavar="FOLDER")],
    form: Annotated[
        str, typer.Option("--as", metavar="parquet|json", help="Parquet files or JSON lines.")
    ] = "parquet",
    frames: Annotated[bool, typer.Option(help="With the kept frames and thumbnails.")] = True,
    owner: Owner = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Write everything known of a library into files that others can read."""
    with door.opened(home, as_json=as_json, owner=owner) as heimdex:
        found = heimdex.open_index.take_out(folder, form=form, frames=frames)
        door.show(as_json, lambda: found, lambda: show_export(found))


def import_index(
    folder: Annotated[Path, typer.Argument(help="What `export-index` wrote.", metavar="FOLDER")],
    owner: Owner = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Bring such files into a library; what it has already stays as it is."""
    with door.opened(home, as_json=as_json, owner=owner) as heimdex:
        found = heimdex.open_index.bring_in(folder)
        door.show(as_json, lambda: found, lambda: _show_import(found))


def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder.", metavar="FOLDER")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Write the database and the kept frames into a folder; work may go on meanwhile."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.backups.make(folder)
        door.show(as_json, lambda: found, lambda: _show_backup(found))


def restore(
    folder: Annotated[Path, typer.Argument(help="What `backup` wrote.", metavar="FOLDER")],
    replace: Annotated[bool, typer.Option("--replace", help="In place of a library that is there.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Put a backup in place of an empty library: all of it, or nothing."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.backups.restore(folder, replace=replace)
        heimdex.close()
        heimdex.status()  # opened again, it brings the schema of an older Heimdex up to date
        door.show(as_json, lambda: found, lambda: _show_restored(found))


def _show_backup(found: dict[str, Any]) -> None:
    megabytes = (found["dump_bytes"] + found["files_bytes"]) / 1e6
    typer.echo(
        f"{_assets_of(found)}, {found['files']} kept frames and thumbnails, "
        f"{megabytes:.1f} MB → {found['folder']}"
    )


def _show_restored(found: dict[str, Any]) -> None:
    typer.echo(f"{_assets_of(found)} restored, from {found['created_at'][:16]}; `heimdex verify` proves them")


def show_export(found: dict[str, Any]) -> None:
    """What went out, for people."""
    rows = found["rows"]
    typer.echo(
        f"{rows['assets']} assets, {rows['scenes']} scenes, {rows['vectors']} vectors, "
        f"{rows['utterances']} sentences → {found['folder']}"
    )
    if not found["frames"]:
        typer.echo("Without kept frames: where it is imported, nothing has a thumbnail or gets new vectors.")


def _show_import(found: dict[str, Any]) -> None:
    typer.echo(f"{found['imported']} assets imported, {found['known']} were there already")
    if found["superseded"]:
        typer.echo(f"{found['superseded']} left out: other content is on record at their paths")
    if found["renamed"]:
        typer.echo(f"{found['renamed']} got new ids: theirs were in use")
    if not found["frames"]:
        typer.echo("Kept frames did not come with it: `heimdex verify` will miss them.")


def _assets_of(found: dict[str, Any]) -> str:
    owners = "one owner" if found["owners"] == 1 else f"{found['owners']} owners"
    return f"{found['assets']} assets of {owners}"
