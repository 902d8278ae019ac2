"""Where originals are: files that lie somewhere on this machine, and uploads in the object store.

An upload stands among the paths of its asset as `heimdex-object:<key>`. Whoever opens originals asks for a
local path first and has it for the time of a `with` block; a file of this machine is its own.
"""

from __future__ import annotations

import mimetypes
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import FileStamp, UploadedFile
from heimdex.entities.objects import escaped, is_object, key_of, object_path
from heimdex.errors import ObjectDamaged, ObjectMissing, UnreadableFile
from heimdex.store import assets, uploaded, uploads
from heimdex.store.database import Database
from heimdex.store.object_cache import ObjectCache, Wanted
from heimdex.store.objects import ObjectStore

ORIGINALS = "originals"
OCTETS = "application/octet-stream"
GONE = "is not in the object store any more; upload it again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Announced:
    """What is known of a file that is handed in. `name` may be anything; it is only shown."""

    name: str
    sha256: str | None = None  # hex; where it is known the file has to agree
    content_type: str | None = None
    modified_ns: int | None = None  # when it was last changed where it came from


class Originals:
    """The originals of one owner."""

    def __init__(self, database: Database, owner: str, cache: ObjectCache) -> None:
        self._database = database
        self._owner = owner
        self.cache = cache
        self.objects = cache.objects

    @contextmanager
    def local(self, path: bytes) -> Iterator[bytes]:
        """A path from which the original can be read within the block; of an upload that of a copy, perhaps.

        Raises UnreadableFile for an upload that is gone or damaged, ObjectStoreError, StorageFull. Whether a
        file of this machine is there shows when it is opened.
        """
        if not is_object(path):
            yield path
            return
        record = self._record(path)
        if record is None:
            raise UnreadableFile(GONE)
        wanted = Wanted(key=record.object_key, sha256=record.sha256, size_bytes=record.size_bytes)
        holding = self.cache.hold(wanted)
        try:
            copy = holding.__enter__()
        except ObjectMissing as error:
            raise UnreadableFile(GONE) from error
        except ObjectDamaged as error:
            raise UnreadableFile("is damaged in the object store; upload it again") from error
        try:
            yield os.fsencode(copy)
        finally:
            holding.__exit__(None, None, None)

    def stamp(self, path: bytes) -> FileStamp | None:
        """An original as it is now; None where there is none, or none that may be looked at.

        Raises ObjectStoreError.
        """
        if is_object(path):
            record = self._record(path)
            if record is None:
                return None
            try:
                is_whole = self.objects.head(record.object_key).size_bytes == record.size_bytes
            except ObjectMissing:
                return None
            return stamp_of_upload(record) if is_whole else None
        try:
            status = os.stat(path)  # noqa: PTH116  (bytes)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return FileStamp(path=path, size_bytes=status.st_size, modified_ns=status.st_mtime_ns)

    def is_gone(self, path: bytes) -> bool:
        """Whether there is certainly no original. Raises ObjectStoreError.

        A folder that may not be entered hides what is in it: that is not gone.
        """
        if is_object(path):
            return self.stamp(path) is None
        try:
            status = os.stat(path)  # noqa: PTH116  (bytes)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return not stat.S_ISREG(status.st_mode)

    def is_far(self, path: bytes) -> bool:
        """Whether reading it fetches it from another machine."""
        return is_object(path) and self.objects.is_shared

    def place(self, path: bytes) -> bytes | None:
        """A path under which the original can be read where it lies; None for an upload in a bucket."""
        if not is_object(path):
            return path
        own = self.objects.path(key_of(path))
        return None if own is None else os.fsencode(own)

    def let_go(self, keys: Sequence[str]) -> None:
        """Delete uploads for good: the objects, then their records and what they take of the quota.

        In this order, so that whoever is broken off may be called again. What leads to an asset has to be
        out of the index before. Raises ObjectStoreError.
        """
        if not keys:
            return
        self.objects.delete(*keys)
        for key in keys:
            self.cache.forget(key)
        owner, paths = self._owner, [object_path(key) for key in keys]

        def forget(connection: Connection[Any]) -> None:
            known = assets.known_files(connection, owner, paths)
            assets.forget(connection, owner, [path for path, file in known.items() if file.asset_id is None])
            uploaded.forget(connection, owner, keys)
            uploads.forget_stored(connection, owner, keys)

        self._database.run(owner, forget)

    def _record(self, path: bytes) -> UploadedFile | None:
        owner, key = self._owner, key_of(path)
        return self._database.run(owner, lambda c: uploaded.find(c, owner, key), read_only=True)


def object_of(objects: ObjectStore, object_id: str, announced: Announced, size_bytes: int) -> UploadedFile:
    """The record of a file that is handed in, whose key follows from the id and the name alone."""
    modified_ns, name = announced.modified_ns, announced.name
    return UploadedFile(
        object_id=object_id,
        object_key=objects.key(ORIGINALS, object_id, escaped(name)),
        name=name,
        sha256=announced.sha256 or "",
        size_bytes=size_bytes,
        content_type=announced.content_type or mimetypes.guess_type(name)[0] or OCTETS,
        modified_ns=time.time_ns() if modified_ns is None else modified_ns,
    )


def stamp_of_upload(file: UploadedFile) -> FileStamp:
    """How an upload stands among the files of an asset."""
    path = object_path(file.object_key)
    return FileStamp(path=path, size_bytes=file.size_bytes, modified_ns=file.modified_ns)
