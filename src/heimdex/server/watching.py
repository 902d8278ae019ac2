"""Who watches jobs: so many streams of each library in this process, and for how long they may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from heimdex.errors import RateLimited

STREAMS = 16  # of one owner, each a look at the database twice a second
LOOKS_AT_ONCE = 4  # threads for the looks of all streams
RETRY_AFTER_S = 10.0


class Watchers:
    """The streams that are open. For the event loop only."""

    def __init__(self, most: int = STREAMS) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def check(self, owner: str) -> None:
        """Raise RateLimited where the owner has as many as there may be."""
        if self._open[owner] >= self._most:
            raise RateLimited(
                f"{self._most} jobs of this library are being watched already; close some of these streams.",
                retry_after_s=RETRY_AFTER_S,
            )

    @contextmanager
    def watching(self, owner: str) -> Iterator[None]:
        """One more stream, for the time of the block."""
        self._open[owner] += 1
        try:
            yield
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]
