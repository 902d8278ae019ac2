"""Dissolves: for a while every frame is a mixture of the shot before and the shot after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdex.scenes.likeness import ALIKE, Luma, same_view
from heimdex.scenes.reel import Reel

REACHES_US = (200_000, 450_000, 900_000)  # half the stretches looked at: dissolves of 0.25 s to 2 s
STEP_US = 80_000  # their middles are tried this far apart
DIFFERENT = 7.0  # mean levels by which the ends of a dissolve differ at least
RESIDUE = 0.35  # of that difference: how far a frame may be from the mixture that fits it best
SAMPLES = 5  # frames looked at between the ends
# Of the ends' fine detail: a mixture of two pictures has about half, a moving picture all of it.
DETAIL = 0.75
JUMP = 4.0  # times the changes beside it: a cut or a flash
LINGER_US = 600_000  # how long a better middle is looked for
CLEAR_OF_BLANK_US = 1_000_000  # nearer to a blank stretch it is a fade


class Dissolves:
    """Finds the middles of dissolves in a reel."""

    def __init__(self, reel: Reel):
        self._reel = reel

    def middles(
        self, first: int, limit: int, blank: NDArray[np.bool_], times: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Which rows in [first, limit) may be the middle of a dissolve of which reach: (rows, reaches).

        `times` are by how much the rows' changes outdo their neighbours': no dissolve has a jump in it.
        """
        reel = self._reel
        found = np.zeros((len(reel), len(REACHES_US)), np.bool_)
        slots = reel.at_us[first:limit] // STEP_US
        rows = first + np.flatnonzero(np.diff(slots, prepend=slots[:1] - 1))
        blanks = np.concatenate([[0], np.cumsum(blank)])
        jumps = np.concatenate([[0], np.cumsum(times > JUMP)])
        starts, ends = self._ends(rows, CLEAR_OF_BLANK_US)
        rows = rows[blanks[ends + 1] == blanks[starts]]
        for column, reach_us in enumerate(REACHES_US):
            starts, ends = self._ends(rows, reach_us)
            inside = (starts < rows - 1) & (ends > rows + 1) & (jumps[ends + 1] == jumps[starts + 1])
            middle, start, end = rows[inside], starts[inside], ends[inside]
            difference = np.abs(reel.tiny[start] - reel.tiny[end]).mean(axis=1)
            residue = np.abs(reel.tiny[middle] - (reel.tiny[start] + reel.tiny[end]) / 2).mean(axis=1)
            even = (difference > DIFFERENT) & (residue < 1.3 * RESIDUE * difference)
            found[middle[even], column] = True
        return found

    def _ends(self, rows: NDArray[np.int64], reach_us: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        reel = self._reel
        starts = np.searchsorted(reel.at_us, reel.at_us[rows] - reach_us, side="right") - 1
        ends = np.searchsorted(reel.at_us, reel.at_us[rows] + reach_us, side="right") - 1
        return np.maximum(starts, 0), ends

    def middle(self, row: int, maybe: NDArray[np.bool_]) -> tuple[int, int] | None:
        """The dissolve that has begun by row `row`: its middle row, and how far it reaches from there in µs.

        None if there is none. `maybe` is what `middles` said. Every part of a long dissolve looks like a
        shorter one: the longest counts, and of its frames the one that is most evenly mixed.
        """
        if self._reach(row, maybe) is None:
            return None
        last = self._reel.index_at(int(self._reel.at_us[row]) + LINGER_US)
        rows = row + np.flatnonzero(maybe[row : last + 1].any(axis=1))
        found = [(*reach, at) for at in rows.tolist() if (reach := self._reach(at, maybe)) is not None]
        reach_us, _, middle = max(found)
        return middle, reach_us

    def _reach(self, row: int, maybe: NDArray[np.bool_]) -> tuple[int, float] | None:
        """The longest reach by which a dissolve has its middle here, and how even the mixture is."""
        for column in reversed(np.flatnonzero(maybe[row])):
            starts, ends = self._ends(np.array([row]), REACHES_US[column])
            start, end = int(starts[0]), int(ends[0])
            even = self._mixes(start, row, end)
            if even is not None and self._other_shot(start, row, end):
                return REACHES_US[column], even
        return None

    def _other_shot(self, start: int, row: int, end: int) -> bool:
        reel = self._reel
        before, middle, after = reel.luma(start), reel.luma(row), reel.luma(end)
        if _detail(middle) > DETAIL * (_detail(before) + _detail(after)) / 2:
            return False
        return same_view(reel.small[start], reel.small[end]) < ALIKE

    def _mixes(self, start: int, row: int, end: int) -> float | None:
        """How evenly row is mixed, 0 at best, -0.2 at worst; None unless all go over steadily, by mixture."""
        reel = self._reel
        before, step = reel.tiny[start], reel.tiny[end] - reel.tiny[start]
        length = float(np.abs(step).mean())
        if length < DIFFERENT:
            return None
        between = reel.tiny[start : end + 1] - before
        parts = between @ step / float(step @ step)
        if not 0.3 < parts[row - start] < 0.7 or (np.diff(parts) > 0.4).any():
            return None
        picked = np.linspace(0, end - start, SAMPLES + 2).round().astype(int)[1:-1]
        if (np.diff(parts[picked]) < -0.1).any():
            return None
        residues = np.abs(between[picked] - parts[picked, None] * step).mean(axis=1)
        return -abs(float(parts[row - start]) - 0.5) if (residues < RESIDUE * length).all() else None


def _detail(luma: Luma) -> float:
    """How much neighbouring pixels differ, squared."""
    return float(np.square(np.diff(luma, axis=0)).mean() + np.square(np.diff(luma, axis=1)).mean())
