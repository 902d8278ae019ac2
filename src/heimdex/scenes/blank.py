"""Stretches of black or white between two shots: one boundary, wherever the picture went and came back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdex.scenes.likeness import ALIKE, likeness
from heimdex.scenes.reel import Reel

FLAT = 2.5  # levels of mean deviation; a caption on black stays below
FLAT_PART = 0.12  # of the contrast on either side: a quick dip that never gets all black
DARK, WHITE = 40.0, 215.0  # mean level below or above which a flat picture is a blank one
PICTURE = 3.0  # times the blank's contrast: what stands beside it is a picture
HELD_US = 4_000_000  # the end of a blank stretch is awaited no longer than this
BLINK_US, BLINK_FRAMES = 250_000, 4  # shorter, and with the same shot on both sides, it is flicker


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Rows [first, after) of the reel are blank; `closed` if the picture's return is in sight."""

    first: int
    after: int
    closed: bool


class Blanks:
    """Finds the blank stretches in a reel and says where their boundaries lie."""

    def __init__(self, reel: Reel, look_us: int):
        self._reel = reel
        self._look_us = look_us

    def rows(self) -> NDArray[np.bool_]:
        """Which rows are black or white, or nearly so beside what surrounds them."""
        reel = self._reel
        extreme = (reel.level < DARK) | (reel.level > WHITE)
        blank = extreme & (reel.contrast < FLAT)
        for row in np.flatnonzero(extreme & ~blank & (reel.contrast < 8 * FLAT)).tolist():
            blank[row] = reel.contrast[row] < FLAT_PART * min(self._sides(row, row + 1))
        return blank

    def stretch(self, first: int, blank: NDArray[np.bool_]) -> Stretch:
        """The stretch that begins at row `first`."""
        lit = np.flatnonzero(~blank[first:])
        after = first + int(lit[0]) if len(lit) else len(blank)
        return Stretch(first=first, after=after, closed=bool(len(lit)))

    def awaited(self, stretch: Stretch) -> bool:
        """Whether more frames must come before anything can be said about it."""
        reel = self._reel
        if not stretch.closed:
            return int(reel.end_us[-1] - reel.at_us[stretch.first]) < HELD_US
        return int(reel.end_us[-1] - reel.at_us[stretch.after]) < self._look_us

    def boundaries(self, stretch: Stretch, jumps: NDArray[np.bool_], *, opening: bool) -> list[int] | None:
        """The rows at which scenes begin; None if it is no blank between pictures but a dark shot.

        `opening` says that the film begins with it. A film's blank beginning or end is a boundary only where
        the picture cuts in or out.
        """
        first, after = stretch.first, stretch.after
        before, behind = self._sides(first, after)
        darkest = float(self._reel.contrast[first:after].min())
        goes, comes = before >= PICTURE * (darkest + 1), behind >= PICTURE * (darkest + 1)
        if not (goes or comes) or not (goes or opening) or not (comes or not stretch.closed):
            return None
        cut_out, cut_in = goes and jumps[first], comes and after < len(jumps) and bool(jumps[after])
        if goes and comes:
            return self._between(first, after, bool(cut_out), cut_in)
        return [first] if cut_out else [after] if cut_in else self._unfinished(stretch, goes=goes)

    def _between(self, first: int, after: int, cut_out: bool, cut_in: bool) -> list[int]:
        reel = self._reel
        length_us = int(reel.at_us[after] - reel.at_us[first])
        if cut_out and cut_in:
            blink = after - first <= BLINK_FRAMES or length_us <= BLINK_US
            if likeness(reel.luma(first - 1), reel.luma(after)) >= ALIKE:
                return [] if blink else [first, after]
            return [first] if blink else [first, after]
        if cut_out or cut_in:
            return [first if cut_out else after]
        return [reel.index_at((int(reel.at_us[first]) + int(reel.end_us[after - 1])) // 2)]

    def _unfinished(self, stretch: Stretch, *, goes: bool) -> list[int]:
        """A fade-out whose fade-in is not in sight: half the longest wait after it went dark."""
        reel = self._reel
        begun_us = int(reel.at_us[stretch.first])
        if not goes or stretch.closed or int(reel.end_us[-1]) - begun_us < HELD_US:
            return []
        return [reel.index_at(begun_us + HELD_US // 2)]

    def _sides(self, first: int, after: int) -> tuple[float, float]:
        """The highest contrast shortly before row `first` and shortly after row `after` - 1."""
        reel = self._reel
        low = reel.index_at(int(reel.at_us[first]) - self._look_us)
        high = reel.index_at(int(reel.at_us[after - 1]) + self._look_us) + 1
        return (
            float(reel.contrast[low:first].max(initial=0)),
            float(reel.contrast[after:high].max(initial=0)),
        )
