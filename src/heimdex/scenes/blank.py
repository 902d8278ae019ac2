"""Stretches of black or white between two shots: one boundary, wherever the picture went and came back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdex.scenes.likeness import ALIKE, same_view
from heimdex.scenes.reel import Reel

NOTHING = 2.5  # levels of spread: nothing to see but a caption perhaps
FLAT_PART = 0.08  # of the spread on either side: a dip that never gets all black
LIT = 20.0  # levels of spread that are no blank, whatever stands beside
DARK, WHITE = 40.0, 215.0  # mean level below or above which a flat picture is a blank one
# Times the blank's spread, and levels: with so much, what stands beside it is a picture.
PICTURE, PICTURE_LEAST = 3.0, 2.0
OTHER_LEVEL = 60.0  # so is what is brighter or darker by so much
HELD_US = 4_000_000  # the end of a blank stretch is awaited no longer than this
# Of the spread within so many µs: a picture with more of it right beside the stretch cuts there.
ABRUPT = ((0.6, 300_000), (0.3, 1_000_000))
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
        blank = extreme & (reel.spread < NOTHING)
        for row in np.flatnonzero(extreme & ~blank & (reel.spread < LIT)).tolist():
            blank[row] = reel.spread[row] < FLAT_PART * min(self._sides(row, row + 1))
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

    def boundaries(self, stretch: Stretch, *, opening: bool) -> list[int] | None:
        """The rows at which scenes begin; None if it is no blank between pictures but a dark shot.

        `opening` says that the film begins with it. A film's blank beginning or end is a boundary only where
        the picture cuts in or out.
        """
        first, after = stretch.first, stretch.after
        goes, comes = self._pictures(first, after)
        if not (goes or comes) or not (goes or opening) or not (comes or not stretch.closed):
            return None
        cut_out, cut_in = goes and self._abrupt(first - 1, -1), comes and self._abrupt(after, 1)
        if goes and comes:
            return self._between(first, after, cut_out, cut_in)
        return [first] if cut_out else [after] if cut_in else self._unfinished(stretch, goes=goes)

    def _pictures(self, first: int, after: int) -> tuple[bool, bool]:
        """Whether there is a picture before and one behind, by spread or by brightness."""
        reel = self._reel
        least = max(PICTURE_LEAST, PICTURE * float(reel.spread[first:after].min()))
        before, behind = self._sides(first, after)
        level = float(reel.level[(first + after) // 2])
        low, high = self._ends(first, after)
        return (
            before >= least or bool((np.abs(reel.level[low:first] - level) > OTHER_LEVEL).any()),
            behind >= least or bool((np.abs(reel.level[after:high] - level) > OTHER_LEVEL).any()),
        )

    def _between(self, first: int, after: int, cut_out: bool, cut_in: bool) -> list[int]:
        reel = self._reel
        length_us = int(reel.at_us[after] - reel.at_us[first])
        blink = after - first <= BLINK_FRAMES or length_us <= BLINK_US
        if cut_out and blink and self._returns(first, after):
            return []
        if cut_out and cut_in:
            return [first] if blink else [first, after]
        if cut_out or cut_in:
            return [first if cut_out else after]
        return [reel.index_at((int(reel.at_us[first]) + int(reel.end_us[after - 1])) // 2)]

    def _returns(self, first: int, after: int) -> bool:
        """Whether the same shot goes on behind it, at once or when the glare has gone."""
        reel = self._reel
        begun_us = int(reel.at_us[after])
        rows = (after, *(reel.index_at(begun_us + step * self._look_us // 3) for step in (1, 2, 3)))
        before = reel.small[first - 1]
        return any(same_view(before, reel.small[max(row, after)]) >= ALIKE for row in rows)

    def _abrupt(self, row: int, way: int) -> bool:
        """Whether the picture is all there in the row just before a blank (way -1) or just behind it (1)."""
        reel = self._reel
        for part, edge_us in ABRUPT:
            end = reel.index_at(int(reel.at_us[row]) + way * edge_us)
            low, high = min(row, end), max(row, end) + 1
            if reel.spread[row] < part * reel.spread[low:high].max():
                return False
        return True

    def _unfinished(self, stretch: Stretch, *, goes: bool) -> list[int]:
        """A fade-out whose fade-in is not in sight: half the longest wait after it went dark."""
        reel = self._reel
        begun_us = int(reel.at_us[stretch.first])
        if not goes or stretch.closed or int(reel.end_us[-1]) - begun_us < HELD_US:
            return []
        return [reel.index_at(begun_us + HELD_US // 2)]

    def _sides(self, first: int, after: int) -> tuple[float, float]:
        """The highest spread shortly before row `first` and shortly after row `after` - 1."""
        reel = self._reel
        low, high = self._ends(first, after)
        return (
            float(reel.spread[low:first].max(initial=0)),
            float(reel.spread[after:high].max(initial=0)),
        )

    def _ends(self, first: int, after: int) -> tuple[int, int]:
        """The rows [low, high) that are near enough to the stretch to be looked at."""
        reel = self._reel
        low = reel.index_at(int(reel.at_us[first]) - self._look_us)
        return low, reel.index_at(int(reel.at_us[after - 1]) + self._look_us) + 1
