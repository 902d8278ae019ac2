"""Where a shot that is too long is divided: at its calmest points, chosen as the film goes by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BIN_US = 250_000  # calmness is kept in bins of this length, so an hour costs no more memory than a minute
EARLIEST, LATEST = 1 / 3, 4 / 5  # of the longest piece: no piece and no remainder gets silly-short
CALM_BINS = 2  # bins to either side that count towards a bin's calm


@dataclass(kw_only=True, slots=True)
class _Bin:
    start_us: int
    calmest_us: int
    least: float
    total: float = 0.0
    frames: int = 0

    def take(self, at_us: int, moved: float) -> None:
        self.total += moved
        self.frames += 1
        if moved < self.least:
            self.calmest_us, self.least = at_us, moved


class Divider:
    """Remembers how calm the current shot was."""

    def __init__(self, longest_us: int):
        self._longest_us = longest_us
        self._points: list[tuple[int, float]] = []  # of each bin: its calmest frame's at_us, its mean change
        self._bin: _Bin | None = None

    def add(self, at_us: NDArray[np.int64], change: NDArray[np.float32]) -> None:
        """Take in frames: their times and how much each differs from the one before."""
        for at, moved in zip(at_us.tolist(), change.tolist(), strict=True):
            if self._bin is not None and at - self._bin.start_us >= BIN_US:
                self._points.append((self._bin.calmest_us, self._bin.total / self._bin.frames))
                self._bin = None
            if self._bin is None:
                self._bin = _Bin(start_us=at, calmest_us=at, least=moved)
            self._bin.take(at, moved)

    def point(self, start_us: int, until_us: int) -> int | None:
        """The `at_us` at which [start_us, until_us) is to be divided next; None if it is short enough.

        Also None where it has no frame to divide at.
        """
        if until_us - start_us <= self._longest_us:
            return None
        inside = [
            at for at, _ in self._points if start_us < at <= min(until_us - 1, start_us + self._longest_us)
        ]
        if not inside:
            return None
        low, high = start_us + self._longest_us * EARLIEST, start_us + self._longest_us * LATEST
        fitting = [at for at in inside if low <= at <= high]
        if not fitting:
            return min(inside, key=lambda at: abs(at - high))
        unrest = self._unrest()
        return min(fitting, key=lambda at: (unrest[at], -at))

    def _unrest(self) -> dict[int, float]:
        means = np.array([mean for _, mean in self._points])
        width = 2 * CALM_BINS + 1
        smooth = np.convolve(np.pad(means, CALM_BINS, mode="edge"), np.full(width, 1 / width), "valid")
        return {at: round(float(around), 2) for (at, _), around in zip(self._points, smooth, strict=True)}

    def forget(self, before_us: int) -> None:
        """Drop what lies before a boundary."""
        self._points = [point for point in self._points if point[0] >= before_us]
