"""Objects in a folder of this machine."""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from heimdex.entities import StoredObject
from heimdex.errors import ObjectMissing, ObjectStoreError, ObjectStoreRefused, StorageFull
from heimdex.store.shelf import Put, Shelf

INCOMING = ".incoming"  # no key begins with a dot
PRIVATE = 0o700
ABANDONED_S = 86_400.0  # what is half-written for so long nobody writes any more
TRIES = 5  # to put a file into a folder that others remove when it is empty


class FolderShelf(Shelf):
    """A folder, made when the first object comes."""

    is_shared = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    def put(self, put: Put, pieces: Iterator[bytes]) -> None:
        """Written beside, brought to the disk, and renamed."""
        with self._translated(put.key):
            incoming = self._incoming()
            try:
                with incoming.open("xb") as file:
                    for piece in pieces:
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                self._place(incoming, put.key)
            finally:
                incoming.unlink(missing_ok=True)

    def adopt(self, key: str, path: Path) -> bool:
        """A rename, where it is the same disk."""
        with self._translated(key):
            try:
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                self._place(path, key)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    return False
                raise
        return True

    def read(self, key: str, start: int, length: int) -> bytes:
        """As the interface says."""
        with self._translated(key), self.path(key).open("rb", buffering=0) as file:
            return os.pread(file.fileno(), length, start)

    def head(self, key: str) -> StoredObject:
        """As the interface says."""
        with self._translated(key):
            path = self.path(key)
            if not path.is_file():
                raise FileNotFoundError(errno.ENOENT, "", str(path))
            return _stored(key, path.stat())

    def delete(self, keys: Sequence[str]) -> None:
        """Folders that are empty then go too."""
        for key in keys:
            with self._translated(key):
                path = self.path(key)
                path.unlink(missing_ok=True)
                with suppress(OSError):  # not empty
                    for folder in path.parents:
                        if folder == self.root:
                            break
                        folder.rmdir()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As the interface says; in the order of names."""
        top = self.root / prefix
        for folder, below, names in os.walk(top):
            below[:] = sorted(name for name in below if name != INCOMING)
            for name in sorted(names):
                path = Path(folder, name)
                with suppress(FileNotFoundError):
                    yield _stored(path.relative_to(self.root).as_posix(), path.stat())

    def folders(self, prefix: str) -> Sequence[str]:
        """As the interface says."""
        with self._translated(prefix):
            try:
                entries = list(os.scandir(self.root / prefix))
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted(entry.name for entry in entries if entry.is_dir() and entry.name != INCOMING)

    def presign(self, key: str, seconds: int) -> str | None:
        """A folder has no addresses."""
        return None

    def path(self, key: str) -> Path:
        """As the interface says."""
        return self.root / key

    def _incoming(self) -> Path:
        folder = self.root / INCOMING
        self.root.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        folder.mkdir(mode=PRIVATE, exist_ok=True)
        for entry in folder.iterdir():  # of processes that were killed
            with suppress(FileNotFoundError):
                if entry.stat().st_mtime < time.time() - ABANDONED_S:
                    entry.unlink(missing_ok=True)
        return folder / uuid.uuid4().hex

    def _place(self, source: Path, key: str) -> None:
        target = self.path(key)
        for tries_left in reversed(range(TRIES)):
            try:
                self.root.mkdir(
                    mode=PRIVATE, parents=True, exist_ok=True
                )  # what is below needs no rights then
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
            except FileNotFoundError:
                if not tries_left or not source.exists():
                    raise
            else:
                _to_disk(target.parent)
                return

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectMissing(
                f"There is no object {key} in {self.place}; `heimdex verify` says what lacks."
            ) from error
        except PermissionError as error:
            raise ObjectStoreRefused(
                f"The object store {self.place} may not be used by this user; check who may read and write "
                "there."
            ) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull(f"No space left in {self.place}; free some and try again.") from error
            reason = error.strerror or str(error)
            raise ObjectStoreError(
                f"The object store {self.place} fails ({reason}); check its disk and try again."
            ) from error


def _stored(key: str, status: os.stat_result) -> StoredObject:
    modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return StoredObject(key=key, size_bytes=status.st_size, modified_at=modified_at)


def _to_disk(folder: Path) -> None:
    """A rename is on the disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
