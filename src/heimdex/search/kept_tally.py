"""How often a later page could be cut from a list that was kept: one count for all searchers of a process."""

from __future__ import annotations

import threading
from functools import cache


class KeptTally:
    """Lists asked for, and those that were there. Thread-safe."""

    def __init__(self) -> None:
        self.asked = 0
        self.found = 0
        self._lock = threading.Lock()

    def count(self, *, found: bool) -> None:
        """A list was asked for."""
        with self._lock:
            self.asked += 1
            self.found += found


@cache
def kept_tally() -> KeptTally:
    """The tally of this process."""
    return KeptTally()
