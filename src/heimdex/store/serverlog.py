"""The embedded server's log, and what it says about a start that failed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from heimdex.errors import DatabaseUnavailable, StorageFull
from heimdex.store.faults import is_disk_full

LIMIT_BYTES = 8 << 20  # at a start, a longer log becomes server.log.old
TAIL_LINES = 12
TAIL_BYTES = 8192
LEAST_FREE_BYTES = 1 << 20

_DYING = "is still in use"  # the processes of a killed server still have its shared memory
_BEGUN = "starting PostgreSQL"
_OWN_FAULT = ("FATAL", "PANIC")  # having begun, and without these words, it was killed by somebody


class ServerLog:
    """The log file of one home's server. The server appends to it."""

    def __init__(self, path: Path):
        self.path = path

    def turn(self) -> int:
        """Keep the log short. Returns where the next start will begin in it, in bytes."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size > LIMIT_BYTES:
            self.path.replace(self.path.with_suffix(".log.old"))
            return 0
        return size

    def tail(self, start: int = 0) -> str:
        """The last lines, of what was written from byte `start` on."""
        with suppress(OSError), self.path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(start, size - TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
            return "\n".join(lines[-TAIL_LINES:])
        return ""

    def explain_failure(self, start: int, *, may_try_again: bool) -> None:
        """Raise why the start that began at byte `start` failed. Returns where another try may succeed."""
        said = self.tail(start)
        was_killed = (not said or _BEGUN in said) and not any(word in said for word in _OWN_FAULT)
        disk = os.statvfs(self.path.parent)  # on a full disk not even the log is written
        if is_disk_full(said) or disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES:
            raise StorageFull(
                f"The database in {self.path.parent} cannot start: no space left on its disk. Free some "
                "and try again; nothing is lost."
            )
        if not may_try_again or not (was_killed or _DYING in said):
            raise DatabaseUnavailable(
                f"The database in {self.path.parent} did not start. Its log {self.path} ends with:\n{said}"
            )
