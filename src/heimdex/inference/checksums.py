"""Checksums of files, as the hub states them: SHA-256 of large files, git's own SHA-1 of small ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

READ_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Checksum:
    """What a file's content must give. `git`: SHA-1 over "blob <size>\\0" and the content."""

    kind: Literal["sha256", "git"]
    value: str  # hex, lower case


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """What a file's content gives."""

    size_bytes: int
    sha256: str
    git: str | None  # only where it was asked for

    def agrees(self, checksum: Checksum) -> bool:
        """Whether the content is the one meant."""
        return checksum.value == (self.sha256 if checksum.kind == "sha256" else self.git)


def digest_file(path: Path, *, git: bool = False) -> Digest:
    """Read a whole file. Raises OSError."""
    sha256 = hashlib.sha256()
    with path.open("rb") as source:
        size_bytes = path.stat().st_size
        sha1 = hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False) if git else None
        read_bytes = 0
        while piece := source.read(READ_BYTES):
            read_bytes += len(piece)
            sha256.update(piece)
            if sha1 is not None:
                sha1.update(piece)
    return Digest(
        size_bytes=read_bytes, sha256=sha256.hexdigest(), git=None if sha1 is None else sha1.hexdigest()
    )


def holds(path: Path, size_bytes: int, checksum: Checksum) -> Digest | None:
    """The digest of a file that is there with this size and content; None else. Reads it only if need be."""
    try:
        if not path.is_file() or path.stat().st_size != size_bytes:
            return None
        digest = digest_file(path, git=checksum.kind == "git")
    except OSError:
        return None
    return digest if digest.agrees(checksum) else None
