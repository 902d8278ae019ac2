"""Where a shot that is too long is divided: at its calmest points, chosen as the film goes by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BIN_US = 250_000  # calmness is kept in bins of this length, so an hour costs no more memory than a minute
EARLIEST, LATEST = 1 / 3, 4 / 5  # of the longest piece: no piece and no remainder gets silly-short
CALM_BINS = 2  # bins to either side that count towards a bin's calm


class Divider:
    """Remembers how calm the current shot was."""

    def __init__(self, longest_us: int):
        self._longest_us = longest_us
        self._points: list[
            tuple[int, float, float]
        ] = []  # calmest frame of each bin: at_us, its change, bin's mean
        self._bin: list[tuple[int, float]] = []

    def add(self, at_us: NDArray[np.int64], change: NDArray[np.float32]) -> None:
        """Take in frames: their times and how much each differs from the one before."""
        for at, moved in zip(at_us.tolist(), change.tolist(), strict=True):
            if self._bin and at - self._bin[0][0] >= BIN_US:
                self._close_bin()
            self._bin.append((at, moved))

    def _close_bin(self) -> None:
        calmest = min(self._bin, key=lambda frame: frame[1])
        mean = sum(moved for _, moved in self._bin) / len(self._bin)
        self._points.append((*calmest, mean))
        self._bin.clear()

    def point(self, start_us: int, until_us: int) -> int | None:
        """The `at_us` at which [start_us, until_us) is to be divided next; None if it is short enough.

        Also None where it has no frame to divide at.
        """
        if until_us - start_us <= self._longest_us:
            return None
        inside = [
            at for at, _, _ in self._points if start_us < at <= min(until_us - 1, start_us + self._longest_us)
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
        means = np.array([mean for _, _, mean in self._points])
        width = 2 * CALM_BINS + 1
        smooth = np.convolve(np.pad(means, CALM_BINS, mode="edge"), np.full(width, 1 / width), "valid")
        return {at: round(float(around), 2) for (at, _, _), around in zip(self._points, smooth, strict=True)}

    def forget(self, before_us: int) -> None:
        """Drop what lies before a boundary."""
        self._points = [point for point in self._points if point[0] >= before_us]
