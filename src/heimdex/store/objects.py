"""The object store: files by key, in a folder of this machine or in a bucket that many machines share.

Every key begins with its owner, and a store is always somebody's: it takes and gives no other keys. Objects
are written once, whole or not at all, and never changed.
"""

from __future__ import annotations

import hashlib
import logging
import mimetypes
import os
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from heimdex.entities import StoredObject
from heimdex.entities.objects import shown_name
from heimdex.errors import (
    ObjectDamaged,
    ObjectMissing,
    ObjectStoreUnavailable,
    UnreadableFile,
    UsageError,
)
from heimdex.store.disk import storage_error
from heimdex.store.folder_shelf import FolderShelf
from heimdex.store.shelf import PIECE_BYTES, Put, PutOptions, Shelf

if TYPE_CHECKING:
    from heimdex.store.s3_shelf import S3Options

log = logging.getLogger(__name__)

TRIES = 3
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 3.0  # between two tries
KEY_BYTES = 900  # S3 takes 1,024, the bucket's prefix included
LONGEST_LINK_S = 7 * 86_400  # what S3 signs for at most
OCTETS = "application/octet-stream"
_PART = re.compile(r"[A-Za-z0-9_!-][A-Za-z0-9_.!-]{0,199}")

T = TypeVar("T")


class ObjectStore:
    """The objects of one owner. Thread-safe. Raises UsageError for a key that is not the owner's."""

    def __init__(self, shelf: Shelf, owner: str) -> None:
        self._shelf = shelf
        self.owner = str(uuid.UUID(owner))

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self._shelf.place

    @property
    def is_shared(self) -> bool:
        """Whether other machines reach it too."""
        return self._shelf.is_shared

    def for_owner(self, owner: str) -> ObjectStore:
        """The objects of another owner in the same place."""
        return ObjectStore(self._shelf, owner)

    def key(self, *parts: str) -> str:
        """The owner's key of these parts; names in it are escaped before (entities/objects.py)."""
        return self._checked("/".join((self.owner, *parts)))

    def put_file(
        self, key: str, path: Path, sha256: str | None = None, options: PutOptions | None = None
    ) -> str:
        """Store a file, read piece by piece; its SHA-256, hex.

        With `sha256` nothing is stored where the file's is another. Raises UnreadableFile, ObjectDamaged for
        another checksum, ObjectStoreError, StorageFull, and what `options.check_stop` raises.
        """
        options = options or PutOptions()
        key, size_bytes, name = self._checked(key), _size(path), shown_name(key)
        adopts = options.take and not self._shelf.is_shared
        # Read twice rather than sent for nothing: parts on their way are not taken back by every service.
        if adopts or (sha256 is not None and size_bytes > PIECE_BYTES and not options.is_proven):
            found = sha256 if options.is_proven and sha256 is not None else _matching(path, sha256)
            if adopts and self._tried(lambda: self._shelf.adopt(key, path)):
                return found
        kind = options.content_type or mimetypes.guess_type(name)[0] or OCTETS
        put = Put(key=key, size_bytes=size_bytes, content_type=kind, name=name)

        def work() -> str:
            digest = hashlib.sha256()
            self._shelf.put(put, _hashed(path, digest, sha256, options.check_stop))
            return digest.hexdigest()

        found = self._tried(work)
        if options.take:
            path.unlink(missing_ok=True)
        return found

    def get_to(
        self, key: str, path: Path, sha256: str | None = None, *, size_bytes: int | None = None
    ) -> None:
        """Write an object to a file, which appears whole or not at all.

        Where its size is known and small one request will do; an object of another size is then damaged.
        Raises ObjectMissing, ObjectDamaged where its checksum is another, ObjectStoreError, StorageFull.
        """
        part = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}.part")
        try:
            for last in (False, True):  # what came over the line broken is fetched once more
                if self._fetch(key, part, sha256, size_bytes):
                    part.replace(path)
                    return
                if last:
                    raise ObjectDamaged(
                        f"The object {key} in {self.place} is not what was put there; `heimdex verify` says "
                        "what it belongs to."
                    )
        except OSError as error:
            raise storage_error(error, path.parent) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def read_range(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of an object from `start` on, in pieces of 8 MiB at most; `length` None: to its end.

        What lies behind the end is left out. Raises ObjectMissing, ObjectStoreError: at once, or between two
        pieces.
        """
        if start < 0 or (length is not None and length < 0):
            raise UsageError(f"no object has bytes {start} to {length}; both start at 0")
        size = self.head(key).size_bytes
        end = size if length is None else min(size, start + length)
        return self._pieces(key, start, end)

    def head(self, key: str) -> StoredObject:
        """What is known of an object. Raises ObjectMissing, ObjectStoreError."""
        key = self._checked(key)
        return self._tried(lambda: self._shelf.head(key))

    def exists(self, key: str) -> bool:
        """Whether there is such an object. Raises ObjectStoreError."""
        try:
            self.head(key)
        except ObjectMissing:
            return False
        return True

    def delete(self, *keys: str) -> None:
        """Remove objects; those that are not there are no fault. Raises ObjectStoreError."""
        checked = [self._checked(key) for key in keys]
        self._tried(lambda: self._shelf.delete(checked))

    def delete_prefix(self, prefix: str) -> int:
        """Remove everything below a prefix; how much that was. Raises ObjectStoreError."""
        keys = [found.key for found in self.list(self._checked(prefix))]
        if keys:
            self.delete(*keys)
        return len(keys)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """The objects below a prefix (a key's first parts, the owner's own where it is empty)."""
        below = self._prefix(prefix)
        return iter(self._tried(lambda: list(self._shelf.list(below))))

    def folders(self, prefix: str) -> Sequence[str]:
        """The names directly below a prefix under which there are objects. Raises ObjectStoreError."""
        below = self._prefix(prefix)
        return self._tried(lambda: self._shelf.folders(below))

    def presign(self, key: str, seconds: int) -> str | None:
        """An address from which anybody may fetch the object for so long, at most a week.

        None where there is none (a local folder): then the bytes have to be passed on, see `read_range`.
        """
        if not 0 < seconds <= LONGEST_LINK_S:
            raise UsageError(f"an address for {seconds} s cannot be signed; 1 s to a week can")
        return self._shelf.presign(self._checked(key), seconds)

    def path(self, key: str) -> Path | None:
        """The object's own file, to be read in place; None where it lies on another machine."""
        return self._shelf.path(self._checked(key))

    def make_place(self) -> bool:
        """Make the bucket where there is none; whether that was needed. Raises ObjectStoreError."""
        return self._tried(self._shelf.make)

    def probe(self) -> None:
        """Write, read and remove a small object. Raises ObjectStoreError, StorageFull."""
        key = self.key("probe", uuid.uuid4().hex)
        said = os.urandom(64)
        put = Put(key=key, size_bytes=len(said), content_type=OCTETS, name="probe")
        self._tried(lambda: self._shelf.put(put, iter([said])))
        try:
            if b"".join(self.read_range(key)) != said:
                raise ObjectDamaged(f"The object store {self.place} does not give back what it was given.")
        finally:
            self.delete(key)

    def _fetch(self, key: str, part: Path, sha256: str | None, size_bytes: int | None) -> bool:
        digest = hashlib.sha256()
        if size_bytes is not None and 0 < size_bytes < PIECE_BYTES:
            checked = self._checked(key)  # a byte more than it should have, to see whether it has
            pieces = iter([self._tried(lambda: self._shelf.read(checked, 0, size_bytes + 1))])
        else:
            pieces = self.read_range(key)
        with part.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
        return sha256 is None or digest.hexdigest() == sha256

    def _pieces(self, key: str, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            length = min(PIECE_BYTES, end - start)
            piece = self._tried(lambda at=start, wanted=length: self._shelf.read(key, at, wanted))  # type: ignore[misc]
            if not piece:
                raise ObjectStoreUnavailable(f"The object {key} in {self.place} ends too early; try again.")
            yield piece
            start += len(piece)

    def _tried(self, work: Callable[[], T]) -> T:
        """What `work` gives; again, after a pause, while the store cannot be reached."""
        pause_s = FIRST_PAUSE_S
        for tries_left in reversed(range(TRIES)):
            try:
                return work()
            except ObjectStoreUnavailable as error:
                if not tries_left:
                    raise
                log.info("%s", error)
            time.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(3 * pause_s, LONGEST_PAUSE_S)
        raise AssertionError

    def _checked(self, key: str) -> str:
        owner, *rest = key.split("/")
        if owner != self.owner:
            raise UsageError(f"the object {key!r} is another owner's")
        if not rest or len(key) > KEY_BYTES or not all(map(_PART.fullmatch, rest)):
            raise UsageError(f"{key!r} is no key of an object; names in it have to be escaped")
        return key

    def _prefix(self, prefix: str) -> str:
        plain = prefix.rstrip("/")
        return (self.owner if plain in ("", self.owner) else self._checked(plain)) + "/"


def open_objects(place: Path | S3Options, owner: str) -> ObjectStore:
    """The objects of an owner in a folder or a bucket; asks nothing yet. Raises SettingsError."""
    if isinstance(place, Path):
        return ObjectStore(FolderShelf(place), owner)
    from heimdex.store.s3_shelf import S3Shelf  # only who has a bucket needs a client for it

    return ObjectStore(S3Shelf(place), owner)


def _hashed(
    path: Path, digest: hashlib._Hash, sha256: str | None, check_stop: Callable[[], object] = bool
) -> Iterator[bytes]:
    """A file's bytes in pieces. Raises at the end, before anything is stored, where it is another file."""
    try:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE_BYTES):
                check_stop()
                digest.update(piece)
                yield piece
    except OSError as error:
        raise _unreadable(path, error) from error
    if sha256 is not None and digest.hexdigest() != sha256:
        raise ObjectDamaged(
            f"The file {path} is not what was announced: its checksum is another; send it again."
        )


def _matching(path: Path, sha256: str | None) -> str:
    digest = hashlib.sha256()
    for _ in _hashed(path, digest, sha256):
        pass
    return digest.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UnreadableFile:
    return UnreadableFile(f"{path} cannot be read ({error.strerror}); check that it is there")
