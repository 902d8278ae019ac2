"""Copies of objects below the home, for those who read files by their path.

A bucket's objects are copied here when they are first needed; the longest unused go when there are too many.
An object that lies in a folder of this machine is read in place. Several processes may share a cache: who
needs a copy for long holds a lock on it, and what was used a moment ago is left alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from heimdex.errors import ObjectMissing, StorageFull
from heimdex.store.disk import storage_error
from heimdex.store.objects import ObjectStore
from heimdex.store.shelf import PutOptions

PRIVATE = 0o700
AT_ONCE = 8  # copies that are fetched side by side
RECENT_S = 600.0  # what was used so lately is in use, perhaps by a process that holds no lock
ABANDONED_S = 86_400.0  # a half-written copy as old as this has nobody who goes on with it
SPARE_BYTES = 64 << 20  # left free on the disk: the database may live there too
RECOUNT_SHARE = 10  # a process counts again when it has added a tenth of the limit: others add as well
STRIPES = 64
PART = ".part"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """An object that is to be at hand, with what it has to be."""

    key: str
    sha256: str
    size_bytes: int


class ObjectCache:
    """The copies of one store's objects. Thread-safe."""

    def __init__(self, objects: ObjectStore, folder: Path, limit_bytes: int) -> None:
        self.objects = objects
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._guard = threading.Lock()
        self._stripes = [threading.Lock() for _ in range(STRIPES)]
        self._added_bytes: int | None = None  # since the copies were last counted
        self._counted_bytes = 0

    def path(self, key: str) -> Path:
        """Where the object's file is, or would be."""
        return self.objects.path(key) or self._folder / key

    def fetch(self, wanted: Wanted) -> Path:
        """The object's file. A copy may be evicted again once it was not used for some minutes.

        Raises ObjectMissing, ObjectDamaged, ObjectStoreError, StorageFull.
        """
        path = self.path(wanted.key)
        if self.objects.path(wanted.key) is not None:
            self.objects.head(wanted.key)
            return path
        with self._stripes[hash(wanted.key) % STRIPES]:
            if not _is_usable(path, wanted.size_bytes):
                try:
                    self._make_folder(path.parent)
                    self._make_room(wanted.size_bytes)
                    self.objects.get_to(wanted.key, path, wanted.sha256, size_bytes=wanted.size_bytes)
                except OSError as error:
                    raise storage_error(error, self._folder) from error
        return path

    def fetch_all(self, wanted: Sequence[Wanted]) -> list[Path]:
        """The files of some objects, in order, several fetched at a time; one that is missing stays so.

        Raises ObjectDamaged, ObjectStoreError, StorageFull.
        """

        def one(item: Wanted) -> Path:
            with suppress(ObjectMissing):
                return self.fetch(item)
            return self.path(item.key)

        if len(wanted) < 2:
            return [one(item) for item in wanted]
        with ThreadPoolExecutor(min(AT_ONCE, len(wanted)), thread_name_prefix="fetch") as threads:
            return list(threads.map(one, wanted))

    @contextmanager
    def hold(self, wanted: Wanted) -> Iterator[Path]:
        """The object's file, which stays for the time of the block. Raises as `fetch`."""
        if self.objects.path(wanted.key) is not None:
            yield self.fetch(wanted)
            return
        while True:
            path = self.fetch(wanted)
            descriptor = _locked(path)
            if descriptor is None:  # evicted between the two
                continue
            try:
                yield path
                return
            finally:
                os.close(descriptor)

    def put(self, key: str, path: Path, sha256: str | None = None) -> None:
        """Store a file, which becomes the copy. Raises as `ObjectStore.put_file`."""
        self.objects.put_file(key, path, sha256, PutOptions(take=not self.objects.is_shared))
        if not self.objects.is_shared:
            return
        copy = self.path(key)
        size = path.stat().st_size
        try:
            self._make_folder(copy.parent)
            path.replace(copy)
        except OSError as error:
            raise storage_error(error, self._folder) from error
        with suppress(StorageFull):  # the copy is there already
            self._make_room(size)

    def forget(self, key: str) -> None:
        """Remove the copies of an object, or of everything below a key; the objects stay."""
        if self.objects.is_shared:
            path = self._folder / key
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        self._folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)  # `parents` alone would be open to all
        folder.mkdir(parents=True, exist_ok=True)

    def _make_room(self, size_bytes: int) -> None:
        """Let the longest unused go where copies or disk get too full. Raises StorageFull."""
        with self._guard:
            known = self._added_bytes
            lacking_bytes = size_bytes + SPARE_BYTES - shutil.disk_usage(self._folder).free
            if known is not None and lacking_bytes <= 0:
                self._added_bytes = known + size_bytes
                within = self._counted_bytes + self._added_bytes <= self._limit_bytes
                if within and self._added_bytes <= self._limit_bytes // RECOUNT_SHARE:
                    return
            copies = self._copies()
            total = sum(size for _, size, _ in copies)
            over_bytes = max(total + size_bytes - self._limit_bytes, lacking_bytes)
            freed = _evict(copies, over_bytes) if over_bytes > 0 else 0
            self._counted_bytes, self._added_bytes = total - freed, size_bytes
            if lacking_bytes > freed:
                raise StorageFull(
                    f"No space left in {self._folder} for a copy of {size_bytes:,} bytes; free some, or move "
                    "HEIMDEX_HOME to a larger disk."
                )

    def _copies(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, file) of every copy, the longest unused first."""
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                with suppress(OSError):
                    status = path.stat()
                    found.append((status.st_mtime, status.st_size, path))
        return sorted(found)


def _evict(copies: Sequence[tuple[float, int, Path]], wanted_bytes: int) -> int:
    """Remove copies that nobody uses until so much is free; how much that was."""
    freed, now = 0, time.time()
    for used_at, size, path in copies:
        if freed >= wanted_bytes:
            break
        spared_s = ABANDONED_S if path.name.endswith(PART) else RECENT_S
        if now - used_at >= spared_s and _remove_unused(path):
            freed += size
    return freed


def _remove_unused(path: Path) -> bool:
    """Remove a file on which nobody holds a lock, and its folder where that is empty then."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:  # in use
        return False
    finally:
        os.close(descriptor)
    with suppress(OSError):
        path.parent.rmdir()
    return True


def _locked(path: Path) -> int | None:
    """A descriptor whose lock keeps a copy from being evicted; None where it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)
    return None


def _is_usable(path: Path, size_bytes: int) -> bool:
    """Whether there is a whole copy; it counts as used then."""
    try:
        if path.stat().st_size != size_bytes:
            return False
        os.utime(path)
    except OSError:
        return False
    return True
