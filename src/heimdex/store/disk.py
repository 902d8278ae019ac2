"""What the disk says when it will not, in words."""

from __future__ import annotations

import errno
from pathlib import Path

from heimdex.errors import StorageFull, StoreError


def storage_error(error: OSError, place: Path) -> StoreError:
    """StorageFull or StoreError for what writing in a folder ran into."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"No space left in {place}; free some and try again.")
    return StoreError(f"Cannot write to {place} ({error.strerror}); check its rights and its disk.")
