"""The latest queries, kept so that two models can be held against each other by what people really ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from heimdex.errors import HeimdexError
from heimdex.store import changes

if TYPE_CHECKING:
    from heimdex.store.database import Database

PAUSE_S = 5.0  # between two writings: a search should not wait for one
WAITING = 100  # queries at most until then


class AskedQueries:
    """One owner's. The first query of a process is written at once, later ones a few seconds apart."""

    def __init__(self, database: Callable[[], Database], owner: str, keep: int) -> None:
        self._database = database
        self._owner = owner
        self._keep = keep
        self._waiting: dict[str, None] = {}
        self._due_s = 0.0
        self._lock = threading.Lock()

    def note(self, query: str) -> None:
        """A query was answered. What cannot be written is let go: a search must not fail for this."""
        if not self._keep:
            return
        with self._lock:
            self._waiting.pop(query, None)
            if len(self._waiting) < WAITING:
                self._waiting[query] = None
            if time.monotonic() < self._due_s:
                return
            self._due_s = time.monotonic() + PAUSE_S
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            asked, self._waiting = list(self._waiting), {}
        if asked:
            with suppress(HeimdexError):
                self._database().run(
                    self._owner,
                    lambda c: changes.note_asked(c, self._owner, asked, keep=self._keep),
                    patience_s=0.0,
                )
