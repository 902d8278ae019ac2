"""Where files that were received are kept for good."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Protocol

from heimdex.errors import StorageFull, StoreError


class Originals(Protocol):
    """A place for the files of all owners."""

    def take(self, owner: str, upload_id: str, name: str, path: Path) -> str:
        """Keep a file, which is gone from `path` afterwards; its key.

        Called again after a crash, with the file gone already, it gives the same key. Raises StoreError.
        """

    def path(self, owner: str, key: str) -> Path | None:
        """The file itself; None where it lies on another machine."""

    def delete(self, owner: str, key: str) -> None:
        """Remove a file; one that is not there is no fault."""


class OriginalsFolder:
    """A folder of this machine: `<folder>/<owner>/originals/<upload id>/<name>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, owner: str, upload_id: str, name: str, path: Path) -> str:
        """Move the file; `name` is one of `names.safe_name`."""
        key = f"originals/{upload_id}/{name}"
        target = self._folder / owner / key
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.replace(path, target)  # noqa: PTH105
            except FileNotFoundError:
                if not target.is_file():
                    raise
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy(path, target)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("no space left to keep an upload; free some") from error
            raise StoreError(f"an upload cannot be kept ({error.strerror}); check the data folder") from error
        return key

    def path(self, owner: str, key: str) -> Path | None:
        """The file."""
        return self._folder / owner / key

    def delete(self, owner: str, key: str) -> None:
        """Remove the file and its folder."""
        shutil.rmtree((self._folder / owner / key).parent, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """From one disk to another: whole under its name, or not at all."""
    part = target.with_name(".part")
    shutil.copyfile(source, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    source.unlink()
