"""Derived files: reproducible, below the home, one folder per asset and attempt.

Where many machines share a bucket they are kept there: see shared_derived.py.

    derived/<owner>/<two hex digits>/<asset>/<attempt>/<keyframe>.jpg

An attempt writes into a folder of its own; after its rows are committed the other attempts' folders go. A
process killed anywhere in between leaves only folders no row points to, and the next index sweeps those.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from heimdex.entities import DerivedFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What lies in a folder of the tree."""

    name: str
    is_folder: bool


class Tree:
    """What lies where in a tree of derived files, as the disk has it at this moment."""

    def entries(self, folder: Path) -> Sequence[Entry]:
        """What lies in a folder, by name; nothing where there is none."""
        try:
            with os.scandir(folder) as found:
                entries = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [Entry(name=name, is_folder=is_folder) for name, is_folder in entries]

    def exists(self, path: Path) -> bool:
        """Whether there is such a file or folder."""
        return path.exists()


class DerivedFiles:
    """The tree of derived files of one owner."""

    is_shared = False  # whether other machines read them too

    def __init__(self, home: Path, owner: str) -> None:
        self.home = home
        self.owner = owner
        self.root = home / "derived" / owner

    def asset_folder(self, asset_id: str) -> Path:
        """Where an asset's derived files live."""
        # The last digits of a UUIDv7 are random; the first are time and would fill one folder.
        return self.root / asset_id[-2:] / asset_id

    def attempt_folder(self, asset_id: str, attempt: int) -> Path:
        """Where one attempt writes."""
        return self.asset_folder(asset_id) / str(attempt)

    def key(self, path: Path) -> str:
        """A file's key: its path below the home, with forward slashes."""
        return PurePosixPath(path.relative_to(self.home)).as_posix()

    def attempt_of(self, key: str) -> int:
        """The attempt that wrote the file of a key."""
        return int(PurePosixPath(key).parent.name)

    def path(self, key: str) -> Path:
        """The file of a key."""
        return self.home / key

    def place(self, key: str) -> str:
        """Where a file is, for people."""
        return str(self.path(key))

    def at_hand(self, files: Sequence[DerivedFile]) -> list[Path]:
        """The paths of some files, which can be read now; one that is missing stays so.

        Raises ObjectStoreError, StorageFull where they lie in an object store.
        """
        return [self.path(file.key) for file in files]

    def publish(self, asset_id: str, attempt: int) -> None:
        """Let everybody reach what an attempt wrote; to be called before its rows are committed.

        Raises ObjectStoreError, StorageFull.
        """

    def is_tidy(self, asset_id: str, attempt: int | None) -> bool:
        """Whether nothing lies here that other attempts than this one left behind."""
        return self.attempts(asset_id) <= ({str(attempt)} if attempt is not None else set())

    def keep_only(self, asset_id: str, attempt: int) -> None:
        """Remove the folders of an asset's other attempts."""
        folder = self.asset_folder(asset_id)
        if not folder.is_dir():
            return
        for other in folder.iterdir():
            if other.name != str(attempt):
                _remove(other)

    def attempts(self, asset_id: str) -> set[str]:
        """The attempts of an asset that left a folder; foreign names come as they are."""
        try:
            return {entry.name for entry in self.asset_folder(asset_id).iterdir()}
        except OSError:
            return set()

    def remove_attempt(self, asset_id: str, attempt: int) -> None:
        """Remove what one attempt wrote, and the asset's folder if nothing else is in it."""
        _remove(self.attempt_folder(asset_id, attempt))
        with suppress(OSError):
            self.asset_folder(asset_id).rmdir()

    def remove_asset(self, asset_id: str) -> None:
        """Remove everything derived from an asset."""
        _remove(self.asset_folder(asset_id))

    def sweep(self, path: Path) -> None:
        """Remove a file or a folder of the tree."""
        with suppress(OSError):
            _remove(path)

    def tree(self, asset_ids: Sequence[str]) -> Tree:
        """What lies in the folders of some assets. Raises ObjectStoreError."""
        return Tree()

    def top(self) -> Tree:
        """The folders of all assets, not what is in them. Raises ObjectStoreError."""
        return Tree()

    def assets(self) -> Iterator[tuple[str, Path]]:
        """(asset id, folder) of everything that has derived files. Foreign names come as they are."""
        if not self.root.is_dir():
            return
        for prefix in sorted(self.root.iterdir()):
            if prefix.is_dir() and not prefix.is_symlink():
                for folder in sorted(prefix.iterdir()):
                    yield folder.name, folder
            else:
                yield prefix.name, prefix

    def files(self) -> Iterator[Path]:
        """Every derived file there is."""
        if self.root.is_dir():
            yield from (path for path in sorted(self.root.rglob("*")) if not path.is_dir())


def sha256_of(path: Path) -> str:
    """SHA-256 of a derived file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
