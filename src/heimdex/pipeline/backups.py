"""A backup is a folder: the database of all owners, the kept frames of this home, a manifest, written last.

Kept frames are copied before and after the database is dumped. A frame that the dump names was there at that
moment: so it was there before, or it still is, unless work on its asset ended twice meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from heimdex.errors import ArchiveFault, SchemaMismatch, StorageFull, UsageError
from heimdex.store import dumps
from heimdex.store.faults import DISK_FULL_WORDS
from heimdex.store.migrate import migrations

FORMAT, VERSION = "heimdex-backup", 1
MANIFEST, DUMP, DERIVED = "manifest.json", "database.dump", "derived"


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """What a backup says of itself."""

    heimdex: str  # the version that made it
    created_at: str
    server: str  # version of PostgreSQL
    migrations: tuple[str, ...]
    owners: int
    assets: int
    dump_bytes: int
    dump_sha256: str
    files: int  # kept frames and thumbnails
    files_bytes: int


def make_backup(admin: str, home: Path, folder: Path, *, written_by: str) -> Backup:
    """Write a backup into a new or empty folder. Raises UsageError, StoreError, StorageFull."""
    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty; name a new folder")
        content = dumps.look(admin)
        _copy(home / DERIVED, folder / DERIVED)
        dumps.dump(admin, content.schemas, folder / DUMP)
        _copy(home / DERIVED, folder / DERIVED)
        files = [path.stat().st_size for path in _files(folder / DERIVED)]
        made = Backup(
            heimdex=written_by,
            created_at=datetime.now(UTC).isoformat(),
            server=content.server,
            migrations=content.migrations,
            owners=content.owners,
            assets=content.assets,
            dump_bytes=(folder / DUMP).stat().st_size,
            dump_sha256=_sha256(folder / DUMP),
            files=len(files),
            files_bytes=sum(files),
        )
        document = {"format": FORMAT, "version": VERSION} | asdict(made)
        fresh = folder / f"{MANIFEST}.new"
        fresh.write_text(json.dumps(document, indent=1), encoding="utf-8")
        fresh.replace(folder / MANIFEST)
    return made


def restore_backup(admin: str, home: Path, folder: Path, *, replace: bool = False) -> Backup:
    """Put a backup in place of an empty library, or with `replace` of any: all of it, or nothing.

    Afterwards the schema may be older than this Heimdex; whoever opens the database brings it up to date.
    Raises ArchiveFault for a damaged backup, SchemaMismatch for one of a newer Heimdex, UsageError where
    there are assets already, StoreError, StorageFull.
    """
    made = read_backup(folder)
    there = dumps.look(admin)
    if there.assets and not replace:
        raise UsageError(
            f"This library holds {there.assets} assets of {there.owners} owners; a restore would take their "
            "place. Say --replace if that is wanted, or name another home."
        )
    with _told(home):
        _copy(folder / DERIVED, home / DERIVED, again=True)
    dumps.restore(admin, folder / DUMP)
    return made


def read_backup(folder: Path) -> Backup:
    """The manifest of a backup, with the dump proved by its checksum. Raises ArchiveFault, SchemaMismatch."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if found.pop("format") != FORMAT or found.pop("version") != VERSION:
            raise ArchiveFault(f"{folder / MANIFEST} is no manifest of a backup that this Heimdex reads")
        made = Backup(**found | {"migrations": tuple(found["migrations"])})
    except FileNotFoundError as error:
        raise ArchiveFault(
            f"{folder} holds no {MANIFEST}: it is no backup, or one that did not end; use another"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveFault(f"{folder / MANIFEST} is damaged ({error!r}); use another backup") from error
    newer = sorted(set(made.migrations) - {migration.name for migration in migrations()})
    if newer:
        raise SchemaMismatch(
            f"The backup was made by Heimdex {made.heimdex}, which is newer than this one (it has "
            f"{', '.join(newer)}); update Heimdex first."
        )
    if not (folder / DUMP).is_file() or _sha256(folder / DUMP) != made.dump_sha256:
        raise ArchiveFault(f"{folder / DUMP} is missing or damaged: its checksum differs; use another backup")
    count = sum(1 for _ in _files(folder / DERIVED))
    if count < made.files:
        raise ArchiveFault(f"{folder / DERIVED} holds {count} files of {made.files}; use another backup")
    return made


def _copy(source: Path, target: Path, *, again: bool = False) -> None:
    """Copy the files that the target lacks, or all of them; what vanishes meanwhile is passed over."""
    for path in _files(source):
        copy = target / path.relative_to(source)
        if copy.exists() and not again:
            continue
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = copy.with_name(f"{copy.name}.new")
        with suppress(FileNotFoundError):
            shutil.copy2(path, fresh)
            fresh.replace(copy)


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names if not name.endswith(".new"))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What the file system refuses, in our words."""
    try:
        yield
    except OSError as error:
        if error.strerror in DISK_FULL_WORDS:
            raise StorageFull(f"no space left to write {folder}; free some and try again") from error
        raise ArchiveFault(f"{folder} cannot be written ({error})") from error
