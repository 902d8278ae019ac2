"""Where in a large picture to look for lines: the whole of it made smaller, and closer views side by side.

Lines are searched in views of about one megapixel, so that memory does not depend on the picture. What is
found is cut from the picture itself, at its full size, and read there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SHAPES = ((768, 1280), (1280, 768), (960, 960))  # px, height and width of what is searched at once
CLOSER_BELOW = 0.6  # made smaller than this, lines of 16 px set close together run into each other
TILES = 4  # closer views of a picture of common proportions
MOST_TILES = 16  # of a long one: a whole page or a conversation in one screenshot
OVERLAP = 128  # px between views side by side
MOST_ENLARGED = 3.0
SHORT_SIDE = 736  # px, to which small pictures are enlarged: their letters are small
CUT_PX = 3.0  # a box that comes so near to an inner edge is cut by it
COVERED = 0.5  # of a box's area

Quads: TypeAlias = NDArray[np.float32]
"""Corners of lines, float32, (n, 4, 2), x and y in px."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A part of the picture, [left, right) × [top, bottom) in px, shown at `scale` in a corner of `shape`."""

    left: int
    top: int
    right: int
    bottom: int
    scale: float
    shape: tuple[int, int]  # px, height and width

    def back(self, quads: Quads) -> Quads:
        """From px of the view to px of the picture."""
        found: Quads = (quads / self.scale + (self.left, self.top)).astype(np.float32)
        return found

    def whole(self, quads: Quads, width: int, height: int) -> NDArray[np.bool_]:
        """Which of the lines (px of the picture) do not end at an inner edge of this view."""
        margin = CUT_PX / self.scale
        x, y = quads[..., 0], quads[..., 1]
        inside = np.ones(len(quads), np.bool_)
        if self.left > 0:
            inside &= x.min(axis=1) > self.left + margin
        if self.top > 0:
            inside &= y.min(axis=1) > self.top + margin
        if self.right < width:
            inside &= x.max(axis=1) < self.right - margin
        if self.bottom < height:
            inside &= y.max(axis=1) < self.bottom - margin
        return inside


def views(width: int, height: int) -> list[View]:
    """How to look at a picture: closer views first, where it is large, then the whole."""
    shape = min(SHAPES, key=lambda one: (-_scale(width, height, one), one))
    scale = min(_scale(width, height, shape), max(1.0, SHORT_SIDE / min(width, height)), MOST_ENLARGED)
    all_of_it = View(left=0, top=0, right=width, bottom=height, scale=scale, shape=shape)
    if scale >= CLOSER_BELOW:
        return [all_of_it]
    return [*_closer(width, height), all_of_it]


def _closer(width: int, height: int) -> list[View]:
    """Views side by side in the arrangement that shows most, of those most with the fewest views."""
    budget = min(MOST_TILES, max(TILES, round(2 * max(width, height) / min(width, height))))
    scale, _, shape = max(
        (min(1.0, _side(rows, shape[0]) / height, _side(columns, shape[1]) / width), -rows * columns, shape)
        for shape in SHAPES
        for rows in range(1, budget + 1)
        for columns in range(1, budget // rows + 1)
    )
    tops, lefts = _stretches(height, scale, shape[0]), _stretches(width, scale, shape[1])
    return [
        View(left=left, top=top, right=right, bottom=bottom, scale=scale, shape=shape)
        for (top, bottom), (left, right) in product(tops, lefts)
    ]


def united(found: Iterable[Quads]) -> Quads:
    """The lines of several views without those that are there already; earlier views come first."""
    kept: list[NDArray[np.float32]] = []
    boxes = np.zeros((0, 4), np.float32)
    for quads in found:
        for quad, box in zip(quads, bounds(quads), strict=True):
            if _covered(box, boxes) < COVERED:
                kept.append(quad)
                boxes = np.vstack([boxes, box])
    return np.array(kept, np.float32).reshape(-1, 4, 2)


def bounds(quads: Quads) -> NDArray[np.float32]:
    """Upright boxes round lines, (n, 4): left, top, right, bottom in px."""
    return np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1).reshape(-1, 4)


def _covered(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> float:
    """How much of a box others cover, as a share of its area; what two cover counts twice."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    area = float(np.prod(box[2:] - box[:2]))
    return float(np.prod(sides.clip(0), axis=1).sum()) / max(area, 1.0)


def _scale(width: int, height: int, shape: tuple[int, int]) -> float:
    return min(shape[1] / width, shape[0] / height)


def _side(count: int, side: int) -> int:
    return count * side - (count - 1) * OVERLAP


def _stretches(length: int, scale: float, side: int) -> list[tuple[int, int]]:
    """Equal overlapping stretches of a length in px, each at most `side` px long when scaled."""
    size = min(length, math.floor(side / scale))
    count = max(1, math.ceil((length * scale - OVERLAP) / (side - OVERLAP) - 1e-6))
    if count == 1:
        return [(0, length)]
    starts = (round((length - size) * number / (count - 1)) for number in range(count))
    return [(start, start + size) for start in starts]
