"""Locks between processes, on files. The kernel drops them when a process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heimdex.errors import DatabaseUnavailable

POLL_S = 0.005


@contextmanager
def exclusively(path: Path, *, patience_s: float) -> Iterator[None]:
    """Hold the lock file `path` alone. Raises DatabaseUnavailable when others have it for `patience_s`."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while not _try_lock(handle, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"Another process has been starting or stopping the database in {path.parent} for "
                    f"{patience_s:.0f} s; wait for it, or end it."
                )
            time.sleep(POLL_S)
        yield
    finally:
        os.close(handle)


class Lease:
    """A share in a file, held as long as this process lives or until it is given back."""

    def __init__(self, path: Path):
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._process = os.getpid()
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    @property
    def is_ours(self) -> bool:
        """A forked child has its parent's lock in hand, but must neither rely on it nor judge by it."""
        return self._process == os.getpid()

    def is_last(self) -> bool:
        """Whether nobody else has a share. Ours becomes exclusive or is lost: ask only when leaving."""
        return self.is_ours and _try_lock(self._handle, fcntl.LOCK_EX)

    def give_back(self) -> None:
        """Leave."""
        os.close(self._handle)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
