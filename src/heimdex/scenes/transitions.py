"""Where one shot becomes another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdex.scenes.blank import Blanks, Stretch
from heimdex.scenes.cut import NEIGHBOURS, Cuts
from heimdex.scenes.dissolve import Dissolves
from heimdex.scenes.reel import Reel

LOOK_US = 1_500_000  # how far to either side a verdict looks
DISSOLVED_US = 900_000  # after the middle of a dissolve there is no other for so long
LOOK_FRAMES = 400  # and never further than this, whatever a file says about its times


class Transitions:
    """Goes through a reel frame by frame and settles where the boundaries are."""

    def __init__(self, reel: Reel, shortest_us: int):
        self._reel = reel
        self._blanks = Blanks(reel, LOOK_US)
        self._dissolves = Dissolves(reel)
        self._cuts = Cuts(reel, shortest_us)
        self._shortest_us = shortest_us
        self._look_us = max(LOOK_US, shortest_us)
        self._next = 0  # row of the reel to be judged next
        self._forgotten = 0  # rows dropped so far
        self._held = False  # the row before `_next` is inside a blank stretch that is dealt with
        self._dissolved_us = -(1 << 62)  # until then the last dissolve may still go on
        self._last_us: int | None = None  # the last boundary, or the film's start

    @property
    def judged_us(self) -> int:
        """Every boundary before this time has been settled."""
        reel = self._reel
        return int(reel.at_us[self._next]) if self._next < len(reel) else int(reel.end_us[-1])

    def settled(self, *, ended: bool) -> list[int]:
        """The boundaries that are certain by now, as times in order."""
        reel = self._reel
        if self._last_us is None:
            self._last_us = int(reel.at_us[0])
        limit = len(reel) if ended else self._limit()
        found: list[int] = []
        if self._next >= limit:
            return found
        times, blank = self._cuts.outstanding(), self._blanks.rows()
        middles = self._dissolves.middles(self._next, limit, blank)
        while self._next < limit:
            ahead = np.flatnonzero(((times > 0) | blank | middles)[self._next : limit])
            row = self._next + int(ahead[0]) if len(ahead) else limit
            self._held = self._held and row == self._next
            self._next = row
            if row == limit:
                break
            if not blank[row]:
                changed = self._changed(row, float(times[row]), blank, middles)
                if changed is not None:
                    self._accept(changed, found, ended=ended)
                self._next = (row if changed is None else changed) + 1
            elif not self._through_blank(blank, times, found, ended=ended):
                break
        return found

    def _changed(
        self, row: int, times: float, blank: NDArray[np.bool_], maybe: NDArray[np.bool_]
    ) -> int | None:
        """The row at which a cut or dissolve that shows at this row lies, if there is one."""
        if times > 0 and self._cuts.is_cut(row, times, blank):
            return row
        if not maybe[row] or int(self._reel.at_us[row]) < self._dissolved_us:
            return None
        found = self._dissolves.middle(row, maybe)
        if found is None:
            return None
        self._dissolved_us = int(self._reel.at_us[found[0]]) + max(found[1], DISSOLVED_US)
        return found[0]

    def _limit(self) -> int:
        reel = self._reel
        limit = int(np.searchsorted(reel.at_us, int(reel.end_us[-1]) - self._look_us, side="right"))
        return max(min(limit, len(reel) - NEIGHBOURS), len(reel) - LOOK_FRAMES, 0)

    def _accept(self, row: int, found: list[int], *, ended: bool) -> None:
        at_us = int(self._reel.at_us[row])
        assert self._last_us is not None
        if at_us - self._last_us < self._shortest_us:
            return
        if ended and int(self._reel.end_us[-1]) - at_us < self._shortest_us:
            return
        self._last_us = at_us
        found.append(at_us)

    def _through_blank(
        self, blank: NDArray[np.bool_], times: NDArray[np.float32], found: list[int], *, ended: bool
    ) -> bool:
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
            self._accept(row, found, ended=ended)
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
