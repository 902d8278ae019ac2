"""An owner's index goes out into a folder: one state of the database, streamed, the manifest last."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from heimdex.errors import ArchiveFault, StorageFull, UsageError
from heimdex.pipeline.library import find_asset
from heimdex.pipeline.open_index import manifest
from heimdex.pipeline.open_index.manifest import FORMS, FRAMES, Manifest, TableNote
from heimdex.pipeline.open_index.rows import Row, from_database
from heimdex.pipeline.open_index.tables import TABLES, Table
from heimdex.pipeline.tools import Tools
from heimdex.store import open_rows
from heimdex.store.derived import sha256_of
from heimdex.store.faults import DISK_FULL_WORDS


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOptions:
    """How an index goes out. `frames`: with the kept frames; `written_by`: the version of Heimdex.

    `asset`: of the asset with this id or path alone.
    """

    form: str = "parquet"  # or json
    frames: bool = True
    written_by: str = ""
    asset: str | None = None


def export_index(tools: Tools, folder: Path, options: ExportOptions) -> Manifest:
    """Write the owner's whole index, or an asset's part of it, into a new or empty folder.

    Raises NotFound for an asset there is not, UsageError for another form or a folder in use, ArchiveFault
    where a kept frame is missing or damaged, StorageFull.
    """
    if options.form not in FORMS:
        raise UsageError(f"no form called {options.form!r}; there are {', '.join(FORMS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty; name a new folder")
        return _export(tools, folder, options)
    except OSError as error:
        if error.strerror in DISK_FULL_WORDS:
            raise StorageFull(f"no space left to write {folder}; free some and try again") from error
        raise ArchiveFault(f"{folder} cannot be written ({error}); name another folder") from error


def _export(tools: Tools, folder: Path, options: ExportOptions) -> Manifest:
    house = FORMS[options.form]
    notes: dict[str, TableNote] = {}
    # One transaction: whoever indexes meanwhile changes nothing of what is read here.
    with tools.database.transaction(tools.owner, read_only=True) as connection:
        asset_id = None
        if options.asset is not None:
            asset_id = find_asset(connection, tools.owner, options.asset).asset_id
        models = tuple(open_rows.read_models(connection, tools.owner))
        for table in TABLES:
            path = folder / f"{table.name}{house.ENDING}"
            rows = _rows(connection, tools.owner, table, asset_id)
            if options.frames and table.name == "keyframes":
                rows = _with_files(tools, folder / FRAMES, rows)
            notes[table.name] = manifest.note(path, house.write(path, table, rows))
    made = Manifest(
        heimdex=options.written_by,
        created_at=datetime.now(UTC).isoformat(),
        form=options.form,
        owner=tools.owner,
        frames=options.frames,
        models=models,
        tables=notes,
    )
    manifest.write(folder, made)
    return made


def _rows(connection: Connection[Any], owner: str, table: Table, asset_id: str | None) -> Iterator[Row]:
    for given in open_rows.read_rows(connection, owner, table.name, asset_id):
        yield from_database(table, given)


def _with_files(tools: Tools, folder: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows of kept frames, each after its files were copied and proved."""
    for row in rows:
        for kind, name in frame_names(row).items():
            target = folder / str(row["asset_id"]) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source = tools.derived.path(row[f"{kind}_key"])
            try:
                shutil.copyfile(source, target)
            except FileNotFoundError as error:
                raise ArchiveFault(
                    f"the kept {kind} {row[f'{kind}_key']} is gone: somebody indexes, or `heimdex verify` "
                    "names a fault; try again after that, or export without frames"
                ) from error
            if sha256_of(target) != row[f"{kind}_sha256"]:
                raise ArchiveFault(
                    f"the kept {kind} {row[f'{kind}_key']} is not what it was; run `heimdex verify`, or "
                    "export without frames"
                )
        yield row


def frame_names(row: Row) -> dict[str, str]:
    """The files of a kept frame in an open index, below its asset's folder."""
    keyframe_id = row["keyframe_id"]
    return {"frame": f"{keyframe_id}.jpg", "thumbnail": f"{keyframe_id}-thumb.jpg"}
