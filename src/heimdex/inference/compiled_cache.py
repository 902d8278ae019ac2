"""Compiled graphs kept between processes: written whole or not at all, and never trusted unchecked."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

MAGIC = b"HEIMDEX-GRAPH-1\n"
DIGEST_BYTES = 32


class CompiledCache:
    """A folder of blobs. A file is MAGIC, the SHA-256 of the blob, the blob.

    A folder that cannot be read or written only means that nothing is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the blob of a key lies."""
        return self.folder / f"{key}.blob"

    def read(self, key: str) -> NDArray[np.uint8] | None:
        """The blob kept under a key; None where there is none. A damaged file is dropped.

        It is mapped, not read: of a gigabyte of weights no copy is held beside the runtime's own. The file
        may be replaced or removed meanwhile, since nobody ever writes into it.
        """
        try:
            content = np.memmap(self.path(key), np.uint8, mode="c")
        except (OSError, ValueError):  # not there; or empty, which cannot be mapped
            return None
        head = len(MAGIC) + DIGEST_BYTES
        blob = content[head:]
        if content[:head].tobytes() == MAGIC + hashlib.sha256(blob.data).digest():
            return blob
        log.warning("The compiled graph %s is damaged and will be made again.", self.path(key))
        self.drop(key)
        return None

    def drop(self, key: str) -> None:
        """Forget a key."""
        with contextlib.suppress(OSError):
            self.path(key).unlink()

    def write(self, key: str, blob: bytes | memoryview) -> None:
        """Keep a blob. Whoever reads meanwhile gets the old file or the new one, never a part."""
        temporary: str | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=f"{key}.", suffix=".part")
            with os.fdopen(handle, "wb") as target:
                target.write(MAGIC + hashlib.sha256(blob).digest())
                target.write(blob)
                target.flush()
                os.fsync(target.fileno())
            Path(temporary).replace(self.path(key))
        except OSError as err:
            log.info("The compiled graph is not kept: %s", err)
            if temporary is not None:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
