"""The manifest of an open index: what is in it, by which models, with the checksum of every file.

It is written last: a folder without one is an export that did not end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from heimdex.errors import ArchiveFault
from heimdex.pipeline.open_index import json_lines, parquet
from heimdex.pipeline.open_index.tables import BY_NAME, FORMAT, VERSION
from heimdex.store.open_rows import ModelNote

NAME = "manifest.json"
FRAMES = "frames"
FORMS: dict[str, ModuleType] = {"parquet": parquet, "json": json_lines}


@dataclass(frozen=True, kw_only=True, slots=True)
class TableNote:
    """A table's file: rows, size and SHA-256."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What an open index says of itself."""

    heimdex: str  # the version that wrote it
    created_at: str
    form: str  # parquet | json
    owner: str
    frames: bool  # whether kept frames and thumbnails are with it
    models: tuple[ModelNote, ...]
    tables: dict[str, TableNote]

    def file(self, folder: Path, table: str) -> Path:
        """The file of a table."""
        return folder / f"{table}{FORMS[self.form].ENDING}"


def note(path: Path, rows: int) -> TableNote:
    """What the manifest says of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return TableNote(rows=rows, bytes=path.stat().st_size, sha256=digest)


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest under its name at once."""
    document = {"format": FORMAT, "version": VERSION} | asdict(manifest)
    document["models"] = [
        asdict(model) | {"spaces": [{"name": name, "dim": dim} for name, dim in model.spaces]}
        for model in manifest.models
    ]
    fresh = folder / f"{NAME}.new"
    fresh.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    fresh.replace(folder / NAME)


def read(folder: Path) -> Manifest:
    """The manifest of a folder. Raises ArchiveFault where there is none, or one this Heimdex cannot read."""
    try:
        found: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArchiveFault(
            f"{folder} holds no {NAME}: it is no open index, or its export did not end; export again"
        ) from error
    except (OSError, ValueError) as error:
        raise ArchiveFault(f"{folder / NAME} cannot be read ({error}); export again") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ArchiveFault(f"{folder / NAME} is no manifest of an open index")
    if found.get("version") != VERSION:
        raise ArchiveFault(
            f"{folder} is an open index of version {found.get('version')}, and this Heimdex reads {VERSION}; "
            "use the Heimdex that wrote it, or a newer one"
        )
    try:
        return _manifest(found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ArchiveFault(f"{folder / NAME} is damaged ({error!r}); export again") from error


def faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What is wrong with the files of the tables."""
    for name, told in manifest.tables.items():
        path = manifest.file(folder, name)
        try:
            found = note(path, told.rows)
        except OSError as error:
            yield f"{path.name}: {error.strerror}"
            continue
        if found.bytes != told.bytes:
            yield f"{path.name}: {found.bytes} bytes, not {told.bytes}"
        elif found.sha256 != told.sha256:
            yield f"{path.name}: its checksum differs"


def _manifest(found: dict[str, Any]) -> Manifest:
    if set(found["tables"]) != set(BY_NAME) or found["form"] not in FORMS:
        raise ValueError(f"tables {sorted(found['tables'])} as {found['form']!r}")
    return Manifest(
        heimdex=found["heimdex"],
        created_at=found["created_at"],
        form=found["form"],
        owner=found["owner"],
        frames=bool(found["frames"]),
        models=tuple(
            ModelNote(
                name=str(model["name"]),
                precision=str(model["precision"]),
                weights_sha256=str(model["weights_sha256"]),
                spaces=tuple((str(space["name"]), int(space["dim"])) for space in model["spaces"]),
            )
            for model in found["models"]
        ),
        tables={name: TableNote(**told) for name, told in found["tables"].items()},
    )
