"""Boundaries no nearer to each other, and to the ends of the film, than the shortest scene is long."""

from __future__ import annotations


class Spacing:
    """Keeps a boundary back until none that comes after it can take its place."""

    def __init__(self, shortest_us: int):
        self._shortest_us = shortest_us
        self._last_us: int | None = None  # the last boundary that was settled, or the film's start
        self._pending: tuple[int, float] | None = None
        self._settled: list[int] = []

    def begin(self, start_us: int) -> None:
        """The film starts here; only the first call counts."""
        if self._last_us is None:
            self._last_us = start_us

    def offer(self, at_us: int, weight: float) -> None:
        """A boundary was found, no earlier than those offered before.

        Of two that are too near to each other the heavier one stays, else the first.
        """
        if self._last_us is None or at_us - self._last_us < self._shortest_us:
            return
        if self._pending is not None:
            pending_us, heaviest = self._pending
            if at_us - pending_us < self._shortest_us:
                if weight > heaviest:
                    self._pending = at_us, weight
                return
            self._settle()
        self._pending = at_us, weight

    def settled(self, judged_us: int) -> list[int]:
        """The boundaries that nothing found from `judged_us` on can change, each told once."""
        if self._pending is not None and judged_us - self._pending[0] >= self._shortest_us:
            self._settle()
        told, self._settled = self._settled, []
        return told

    def certain_us(self, judged_us: int) -> int:
        """Up to where it is known which boundaries there are, if all before `judged_us` was offered."""
        return judged_us if self._pending is None else min(judged_us, self._pending[0])

    def _settle(self) -> None:
        assert self._pending is not None
        self._last_us = self._pending[0]
        self._settled.append(self._last_us)
        self._pending = None
