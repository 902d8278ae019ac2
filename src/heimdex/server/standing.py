"""What is asked for often and takes long to find out: read now and then, and told as it was read last."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How often it is read, and how long whoever asks waits for that."""

    thread: str  # the name of the thread that reads
    wait_s: float
    rest_s: Callable[[float], float]  # of the seconds the last one took; until the next


class Standing(Generic[T]):
    """A value that is read on a thread of its own, one at a time. Thread-safe."""

    def __init__(
        self,
        read: Callable[[T], T],
        before: T,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`read` is given what stands now, and sees to what goes wrong; `before` stands until it was read."""
        self._read_after, self._value = read, before
        self._pace, self._clock = pace, clock
        self._lock = threading.Lock()
        self._due_s = -math.inf
        self._under_way: threading.Thread | None = None
        self.took_s = 0.0

    def value(self) -> T:
        """What was read last; where it is due, what is read now, if that takes no longer than `wait_s`."""
        with self._lock:
            if self._under_way is None and self._clock() >= self._due_s:
                self._under_way = threading.Thread(target=self._read, name=self._pace.thread, daemon=True)
                self._under_way.start()
            under_way = self._under_way
        if under_way is not None:
            under_way.join(self._pace.wait_s)
        return self._value

    def _read(self) -> None:
        began_s = self._clock()
        try:
            self._value = self._read_after(self._value)
        finally:
            with self._lock:
                now_s = self._clock()
                self.took_s = now_s - began_s
                self._due_s = now_s + self._pace.rest_s(self.took_s)
                self._under_way = None
