"""Whether two pictures show the same: what was read in one then stands in the other, too."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Picture

CELLS = 64  # on the short side: a cell is about as large as a small letter
LEAST_SIDE = 4  # px; smaller ones show what compression does
SAME = 6.0  # of 255: a digit that changes in a clock in the corner changes its cell by more

Cells: TypeAlias = NDArray[np.float32]
"""The mean brightness of a picture's cells, float32, (rows, columns), 0-255."""


def cells(picture: Picture) -> Cells:
    """A picture (RGB uint8, (height, width, 3)) in square cells; what is left over at an edge is not seen."""
    height, width = picture.shape[:2]
    side = min(max(min(height, width) // CELLS, LEAST_SIDE), height, width)
    rows, columns = height // side, width // side
    green = picture[: rows * side, : columns * side, 1]  # most of brightness, without computing it
    along = np.add.reduceat(green, range(0, columns * side, side), axis=1, dtype=np.uint32)
    sums = np.add.reduceat(along, range(0, rows * side, side), axis=0)
    found: Cells = sums.astype(np.float32) / (side * side)
    return found


def is_twin(one: Cells | None, other: Cells) -> bool:
    """Whether no cell differs: stricter than being alike, since a subtitle is little of a picture."""
    return one is not None and one.shape == other.shape and float(np.abs(one - other).max()) < SAME
