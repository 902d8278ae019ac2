"""Turns at what takes long, so that it never has all threads of the service.

Counted in the thread that does the work, until it is done: a request that was given up does not free it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from heimdex.errors import RateLimited

RETRY_AFTER_S = 5.0


class Turns:
    """So many at once in this process; who comes on top is sent away, not made to wait. Thread-safe."""

    def __init__(self, most: int, what: str) -> None:
        self._permits = threading.BoundedSemaphore(most)
        self._what = what

    @contextmanager
    def take(self) -> Iterator[None]:
        """A turn, for the time of the block. Raises RateLimited."""
        if not self._permits.acquire(blocking=False):
            raise RateLimited(
                f"Too much of this is under way ({self._what}); try again in a moment.",
                retry_after_s=RETRY_AFTER_S,
            )
        try:
            yield
        finally:
            self._permits.release()
