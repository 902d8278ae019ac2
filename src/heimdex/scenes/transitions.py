"""Where one shot becomes another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdex.scenes.blank import Blanks, Stretch
from heimdex.scenes.cut import NEIGHBOURS, Cuts
from heimdex.scenes.dissolve import Dissolves
from heimdex.scenes.reel import Reel
from heimdex.scenes.spacing import Spacing

LOOK_US = 1_500_000  # how far to either side a verdict looks
# Which of two boundaries stays where only one can: a cut by how far it stands out, in doublings.
DISSOLVE_WEIGHT, FADE_WEIGHT, CUT_WEIGHT = 1.0, 2.5, 2.0
DISSOLVED_US = 900_000  # after the middle of a dissolve there is no other for so long
LOOK_FRAMES = 400  # and never further than this, whatever a file says about its times


class Transitions:
    """Goes through a reel frame by frame and settles where the boundaries are."""

    def __init__(self, reel: Reel, shortest_us: int):
        self._reel = reel
        self._blanks = Blanks(reel, LOOK_US)
        self._dissolves = Dissolves(reel)
        self._cuts = Cuts(reel, shortest_us)
        self._spacing = Spacing(shortest_us)
        self._look_us = max(LOOK_US, shortest_us)
        self._next = 0  # row of the reel to be judged next
        self._forgotten = 0  # rows dropped so far
        self._held = False  # the row before `_next` is inside a blank stretch that is dealt with
        self._dissolved_us = -(1 << 62)  # until then the last dissolve may still go on

    @property
    def certain_us(self) -> int:
        """Every boundary before this time has been told."""
        return self._spacing.certain_us(self._judged_us)

    @property
    def _judged_us(self) -> int:
        reel = self._reel
        return int(reel.at_us[self._next]) if self._next < len(reel) else int(reel.end_us[-1])

    def settled(self, *, ended: bool) -> list[int]:
        """The boundaries that are certain by now, as times in order, each told once."""
        reel = self._reel
        self._spacing.begin(int(reel.at_us[0]))
        limit = len(reel) if ended else self._limit()
        if self._next < limit:
            self._judge(limit, ended=ended)
        return self._spacing.settled(self._judged_us)

    def _judge(self, limit: int, *, ended: bool) -> None:
        times, blank = self._cuts.outstanding(), self._blanks.rows()
        maybe = self._dissolves.middles(self._next, limit, blank, times)
        eventful = (times > 0) | blank | maybe.any(axis=1)
        while self._next < limit:
            ahead = np.flatnonzero(eventful[self._next : limit])
            row = self._next + int(ahead[0]) if len(ahead) else limit
            self._held = self._held and row == self._next
            self._next = row
            if row == limit:
                break
            if not blank[row]:
                self._next = 1 + self._change(row, float(times[row]), blank, maybe)
            elif not self._through_blank(blank, times, ended=ended):
                break

    def _change(self, row: int, times: float, blank: NDArray[np.bool_], maybe: NDArray[np.bool_]) -> int:
        """Look for a cut or a dissolve at a row; the last row that is settled by it."""
        if times > 0 and self._cuts.is_cut(row, times, blank):
            self._offer(row, CUT_WEIGHT + float(np.log2(times)))
        elif maybe[row].any() and int(self._reel.at_us[row]) >= self._dissolved_us:
            found = self._dissolves.middle(row, maybe)
            if found is not None:
                row, reach_us = found
                self._offer(row, DISSOLVE_WEIGHT)
                self._dissolved_us = int(self._reel.at_us[row]) + max(reach_us, DISSOLVED_US)
        return row

    def _offer(self, row: int, weight: float) -> None:
        self._spacing.offer(int(self._reel.at_us[row]), weight)

    def _limit(self) -> int:
        reel = self._reel
        limit = int(np.searchsorted(reel.at_us, int(reel.end_us[-1]) - self._look_us, side="right"))
        return max(min(limit, len(reel) - NEIGHBOURS), len(reel) - LOOK_FRAMES, 0)

    def _through_blank(self, blank: NDArray[np.bool_], times: NDArray[np.float32], *, ended: bool) -> bool:
        """Deal with the blank stretch at `_next` and go behind it; False to wait for more of the film."""
        stretch = self._blanks.stretch(self._next, blank)
        if self._held:
            self._next = stretch.after
            return True
        crowded = stretch.first + LOOK_FRAMES < len(blank)
        if not ended and not crowded and self._blanks.awaited(stretch):
            return False
        opening = stretch.first + self._forgotten == 0
        rows = self._blanks.boundaries(stretch, opening=opening)
        if rows is None:  # a dark shot: judge its frames like any other's
            blank[stretch.first : stretch.after] = False
            return True
        for row in sorted({*rows, *self._cuts_inside(stretch, times)}):
            self._offer(row, FADE_WEIGHT)
        self._held = not stretch.closed
        self._next = stretch.after + stretch.closed  # the first frame behind it is dealt with, too
        return True

    def _cuts_inside(self, stretch: Stretch, times: NDArray[np.float32]) -> list[int]:
        """Cuts from one to the next of what is all but blank: white pages with a little writing."""
        rows = stretch.first + 1 + np.flatnonzero(times[stretch.first + 1 : stretch.after])
        shown = np.zeros(len(times), np.bool_)
        return [row for row in rows.tolist() if self._cuts.is_cut(row, float(times[row]), shown)]

    def forget(self) -> int:
        """Drop the frames no verdict will look at again; how many they were."""
        reel = self._reel
        judged = min(self._next, len(reel) - 1)
        count = min(reel.index_at(int(reel.at_us[judged]) - self._look_us), judged - NEIGHBOURS - 1)
        count = max(count, judged - LOOK_FRAMES, 0)
        reel.forget(count)
        self._next -= count
        self._forgotten += count
        return count
