"""The bytes of one upload as they come, from one writer."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from heimdex.entities.uploads import Upload
from heimdex.errors import ChecksumMismatch, UploadTooLarge
from heimdex.store.parts import SYNC_BYTES, Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Checksum:
    """What the bytes of one request must come to."""

    algorithm: Literal["sha1", "sha256"]
    digest: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """Whom an arrival tells. Both raise what stands in the way of more bytes."""

    reserve: Callable[[int], int]  # room for so many bytes; how many there is room for now
    note: Callable[[int], Upload]  # how far it has come


class Arrival:
    """A stretch of an upload, written on where the last ended. Not thread-safe; close it."""

    def __init__(self, upload: Upload, part: Part, ledger: Ledger, checksum: Checksum | None) -> None:
        self.upload = upload
        self._part = part
        self._ledger = ledger
        self._checksum = checksum
        self._digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        self._began_bytes = self._noted_bytes = part.size_bytes
        self._room_bytes = upload.reserved_bytes if upload.size_bytes is None else upload.size_bytes
        if checksum is not None:
            part.begin_unproven()

    @property
    def offset_bytes(self) -> int:
        """How far the upload has come."""
        return self._part.size_bytes

    def make_room(self, size_bytes: int) -> None:
        """Reserve room where the size is not known, but likely so much. Raises QuotaExceeded, StorageFull."""
        if self.upload.size_bytes is None and size_bytes > self._room_bytes:
            self._room_bytes = self._ledger.reserve(size_bytes)

    def write(self, block: bytes | bytearray) -> None:
        """Write on; what went in stays. Raises UploadTooLarge, QuotaExceeded, StorageFull, NotFound."""
        end = self._part.size_bytes + len(block)
        if end > self._room_bytes:
            if self.upload.size_bytes is not None:
                raise UploadTooLarge(
                    f"there is more than the {self.upload.size_bytes:,} bytes that were said; begin again "
                    "with the right Upload-Length"
                )
            self._room_bytes = self._ledger.reserve(end)
        if self._digest is not None:
            self._digest.update(block)
        self._part.append(block)
        if self._part.size_bytes - self._noted_bytes >= SYNC_BYTES:  # time again, for who is slow
            self._noted_bytes = self._part.size_bytes
            self._ledger.note(self._began_bytes if self._checksum else self._noted_bytes)

    def end(self) -> Upload:
        """All bytes of the stretch came. Raises ChecksumMismatch, and then nothing of it counts."""
        self._part.sync()
        if self._checksum is not None and self._digest is not None:
            if not hmac.compare_digest(self._digest.digest(), self._checksum.digest):
                self._part.cut(self._began_bytes)
                self._part.end_unproven()
                raise ChecksumMismatch(
                    f"what came has another {self._checksum.algorithm} than was said; send it again from "
                    f"byte {self._began_bytes}"
                )
            self._part.end_unproven()
        return self._ledger.note(self._part.size_bytes)

    def broken_off(self) -> None:
        """The sender went away, or something failed: what came counts, unless only a checksum proves it."""
        if self._checksum is not None:
            self._part.cut(self._began_bytes)
            self._part.end_unproven()
        else:
            self._part.sync()
        self._ledger.note(self._part.size_bytes)

    def close(self) -> None:
        """Let another writer go on."""
        self._part.close()
