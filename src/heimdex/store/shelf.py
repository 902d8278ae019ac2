"""The interface of the places where objects lie. Keys were checked before they come here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heimdex.entities import StoredObject

PIECE_BYTES = 8 << 20
"""What is read, and sent, at a time: the memory that an object takes on its way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Put:
    """What is put under a key. `name` is what a browser saves it as."""

    key: str
    size_bytes: int
    content_type: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PutOptions:
    """How a file is stored.

    `take`: it may be moved, and is gone afterwards. `is_proven`: the caller has just seen that it has the
    checksum given, and lets nobody write it: it is compared only where it is read anyhow, on its way.
    """

    content_type: str | None = None  # None: by its name
    take: bool = False
    is_proven: bool = False
    check_stop: Callable[[], object] = bool  # called now and then; may raise, and nothing is stored


class Shelf(ABC):
    """A folder or a bucket. Thread-safe. Every method raises ObjectStoreError or StorageFull."""

    place: str
    """Where it is, for people: a path, or s3://bucket/prefix."""

    is_shared: bool
    """Whether other machines reach it too."""

    def make(self) -> bool:
        """Make the place where it has to be made beforehand and is not there; whether it was made."""
        return False

    @abstractmethod
    def put(self, put: Put, pieces: Iterator[bytes]) -> None:
        """Store an object, whole or not at all. What `pieces` raises goes through, and nothing is stored."""

    @abstractmethod
    def read(self, key: str, start: int, length: int) -> bytes:
        """Up to `length` (PIECE_BYTES at most) bytes from `start` on; none behind the object's end."""

    @abstractmethod
    def head(self, key: str) -> StoredObject:
        """What is known of an object. Raises ObjectMissing."""

    @abstractmethod
    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no fault."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object below a prefix, which ends with a slash."""

    @abstractmethod
    def folders(self, prefix: str) -> Sequence[str]:
        """The names directly below a prefix under which there are objects, sorted."""

    @abstractmethod
    def presign(self, key: str, seconds: int) -> str | None:
        """An address that gives the object to whoever has it, for so long; None where there is no such."""

    @abstractmethod
    def path(self, key: str) -> Path | None:
        """The object's file; None where it lies on another machine."""

    def adopt(self, key: str, path: Path) -> bool:
        """Take a file over as it is, without copying; False where that cannot be done."""
        return False
