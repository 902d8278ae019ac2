"""What uploads may take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadOptions:
    """Limits of one installation."""

    folder: Path  # of files being received
    largest_bytes: int = 100_000_000_000
    quota_bytes: int | None = None  # of each owner
    at_once: int = 16  # uploads of one owner being received
    kept_s: float = 86_400.0  # without a byte, then it is given up
    told_s: float = 7 * 86_400.0  # what was refused or given up is still told
    step_bytes: int = 64 << 20  # reserved at a time where the size is not known
    spare_bytes: int = 512 << 20  # of the disk, left free
    sweep_s: float = 300.0  # between two looks for what was abandoned
    max_pixels: int = 400_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class NewUpload:
    """An upload that is asked for. `size_bytes` None: only its end will tell; digests are hex."""

    name: str | None
    size_bytes: int | None
    sha256: str | None = None
    source_url: str | None = None
