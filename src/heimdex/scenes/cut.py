"""Hard cuts: one frame that outdoes its neighbours, and a picture that is another one before and after."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from heimdex.scenes.likeness import colour_distance, likeness, same_view
from heimdex.scenes.reel import Reel

JUMP = 1.5  # levels of change below which nothing is a cut
OUTSTANDING = 1.25  # times the second largest change among the neighbours
NEIGHBOURS, NEAR_US = 6, 500_000  # frames to either side, and no further away than this
RETURNED = 0.75  # likeness from which what was shown before has come back within the shortest scene
TURN_US = 300_000  # in more time than this the camera may have turned far
OTHER = 2.5  # levels of change that is no mere brightening, for it to be weighed by itself
FLASH_US, FLASH_FRAMES = 200_000, 4  # what is back after this was a flash
# How alike two frames may be and still belong to different shots depends on how far the jump stands out.
UNLIKE = 0.40  # at OUTSTANDING
UNLIKE_PER_DOUBLING = 0.10
UNLIKE_AT_MOST = 0.72
UNLIKE_IN_GREY = 0.6  # and this unless the colours changed, too
OTHER_COLOURS = 12.0  # colour distance
RECOLOURED = 35.0  # colour distance that no light makes: the same layout on another ground is another shot


class Cuts:
    """Finds the hard cuts in a reel."""

    def __init__(self, reel: Reel, shortest_us: int):
        self._reel = reel
        self._later_us = max(FLASH_US, shortest_us - 50_000)

    def outstanding(self) -> NDArray[np.float32]:
        """By how many times each row's change outdoes its neighbours'; 0 where it is no candidate.

        What brightens or darkens the whole picture alike (a strobe) is left out of the second measure, so
        that a cut among flashes stands out, too.
        """
        reel = self._reel
        far = self._far_off()
        other = reel.change - reel.brightening
        apart = np.where(other > OTHER, _outdoes(other, far), 0)
        times = np.maximum(_outdoes(reel.change, far), apart)
        return np.where((reel.change > JUMP) & (times > OUTSTANDING), times, 0).astype(np.float32)

    def is_cut(self, row: int, times: float, blank: NDArray[np.bool_]) -> bool:
        """Whether another shot begins at this row, which outdoes its neighbours so many times."""
        limit = min(UNLIKE_AT_MOST, UNLIKE + UNLIKE_PER_DOUBLING * float(np.log2(times / OUTSTANDING)))
        pairs = self._pairs(row, blank)
        if all(self._colour_distance(first, second) > RECOLOURED for first, second in pairs):
            return True
        for first, second in pairs[:-2]:
            alike = self._likeness(first, second)
            if alike >= limit or (alike >= UNLIKE_IN_GREY and not self._other_colours(first, second)):
                return False
        return all(self._likeness(first, second) < RETURNED for first, second in pairs[-2:])

    def _pairs(self, row: int, blank: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
        """The rows before and behind that must differ: at once, and when a flash would be over.

        The last two say whether what was before comes back, or what is behind was there, within a scene.
        """
        reel = self._reel
        at_us = int(reel.at_us[row])
        later = max(row, reel.index_at(at_us + self._later_us))
        back = min(max(row + FLASH_FRAMES, reel.index_at(at_us + FLASH_US)), later)
        past = reel.index_at(at_us - self._later_us)
        early = min(row - 1 - FLASH_FRAMES, reel.index_at(at_us - FLASH_US))
        early = min(max(early, past), row - 1)
        pairs = (
            (row - 1, row),
            (row - 1, back),
            (max(early, row - 3), min(later, row + 2)),
            (early, min(later, row + 1)),
            (row - 1, later),
            (past, row),
        )
        lit = np.flatnonzero(~blank)  # a frame all black says nothing about its shot
        before, behind = lit[lit < row], lit[lit >= row]
        if not len(before) or not len(behind):
            return ((row - 1, row),) * 3
        return tuple(
            (
                int(before[max(0, int(before.searchsorted(first, side="right")) - 1)]),
                int(behind[min(len(behind) - 1, int(behind.searchsorted(second)))]),
            )
            for first, second in pairs
        )

    def _likeness(self, first: int, second: int) -> float:
        near = self._reel.at_us[second] - self._reel.at_us[first] <= TURN_US
        measure = likeness if near else same_view
        return measure(self._reel.small[first], self._reel.small[second])

    def _other_colours(self, first: int, second: int) -> bool:
        return self._colour_distance(first, second) > OTHER_COLOURS

    def _colour_distance(self, first: int, second: int) -> float:
        return colour_distance(self._reel.small[first], self._reel.small[second])

    def _far_off(self) -> NDArray[np.bool_]:
        """Which neighbours, (rows, 2 × NEIGHBOURS + 1), are too far away to say what is usual here."""
        beyond = np.full(NEIGHBOURS, -(1 << 62), np.int64)
        times = np.concatenate([beyond, self._reel.at_us, beyond])
        windows = sliding_window_view(times, 2 * NEIGHBOURS + 1)
        return np.abs(windows - self._reel.at_us[:, None]) > NEAR_US


def _outdoes(change: NDArray[np.float32], far: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Each change divided by the second largest among its neighbours: a cut may have one beside it."""
    beyond = np.zeros(NEIGHBOURS, np.float32)
    windows = sliding_window_view(np.concatenate([beyond, change, beyond]), 2 * NEIGHBOURS + 1)
    usual = np.where(far, 0, windows)
    usual[:, NEIGHBOURS] = 0
    second = np.partition(usual, -2, axis=1)[:, -2]
    return (change / (second + 0.5)).astype(np.float32)
