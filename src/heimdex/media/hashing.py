"""A file's identity: SHA-256 of its bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from heimdex.errors import UnreadableFile
from heimdex.media.files import open_original, unreadable

READ_BYTES = 1 << 20
REPORT_BYTES = 64 << 20


def content_hash(path: bytes, report: Callable[[], object] | None = None) -> str:
    """SHA-256 of the whole file, 64 lower-case hex digits, read in pieces of 1 MiB.

    `report` is called every 64 MiB: a long film on a slow disk takes minutes, and is no worker that hangs.
    Raises UnreadableFile, also where the file changes while it is read: such a hash names no content at all.
    """
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(READ_BYTES))
    with open_original(path) as file:
        before = os.fstat(file.fileno())
        read = reported = 0
        try:
            while got := file.readinto(buffer):  # type: ignore[attr-defined]  # BinaryIO lacks it, FileIO has it
                digest.update(buffer[:got])
                read += got
                if report is not None and read - reported >= REPORT_BYTES:
                    report()
                    reported = read
        except OSError as err:
            raise unreadable(err) from err
        after = os.fstat(file.fileno())
    changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    if changed or read != after.st_size:
        raise UnreadableFile("changed while it was read; index it again when it is complete")
    return digest.hexdigest()
