"""What every batch must pass, and which pictures are so alike that one vector serves both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Picture
from heimdex.errors import VectorFault

NORM_TOLERANCE = 1e-3
COLLAPSED_DIFFERENCE = 1e-4  # largest component-wise difference of two vectors that count as one
DIFFERENT_LEVELS = 8.0  # of 255; pictures whose blocks differ by this much on average are plainly different

BLOCK = 16  # px; twins are told by the means of blocks this size of the prepared picture
TWIN_BLOCK_LEVELS = 0.5  # of 255; no block's mean may differ by more
TWIN_PIXEL_LEVELS = 0.1  # of 255; the mean absolute difference over all pixels and colours may not be more


class Twins:
    """The pictures of one batch, near-identical ones taken together.

    Two prepared pictures are twins when no block of 16×16 px differs by more than half a level of 255 in the
    mean of any colour, and their pixels differ by at most a tenth of a level on average: a codec repeating a
    still picture. Their starter vectors agree to a cosine of .999 (measured on a film); noise of one level
    could move some below .8 and therefore makes no twins. A picture is compared with the first of each group
    only, so likeness does not creep along a chain. Which pictures are twins depends on their batch.
    """

    def __init__(self, prepared: Sequence[Picture]) -> None:
        firsts: list[int] = []
        means = [block_means(picture) for picture in prepared]
        self.places: list[int] = []
        for index, picture in enumerate(prepared):
            for place, first in enumerate(firsts):
                if _are_twins(prepared[first], picture, means[first], means[index]):
                    self.places.append(place)
                    break
            else:
                self.places.append(len(firsts))
                firsts.append(index)
        self.distinct: NDArray[np.uint8] = np.stack([prepared[first] for first in firsts])
        """(m, size, size, 3); `places[i]` is where picture i's vectors stand."""


def block_means(picture: Picture) -> NDArray[np.float32]:
    """Means of 16×16 px blocks, float32, (rows, columns, 3); what is left of a whole block is cut off."""
    height, width = (max(side // BLOCK, 1) for side in picture.shape[:2])
    step_y, step_x = min(BLOCK, picture.shape[0]), min(BLOCK, picture.shape[1])
    cut = np.ascontiguousarray(picture[: height * step_y, : width * step_x])
    # Whole rows first, in whole numbers: a tenth of the time of numpy's mean over both axes.
    columns = cut.reshape(height, step_y, width * step_x * 3).sum(axis=1, dtype=np.uint16)
    sums = columns.reshape(height, width, step_x, 3).sum(axis=2, dtype=np.uint32)
    means: NDArray[np.float32] = sums.astype(np.float32) / np.float32(step_y * step_x)
    return means


def _are_twins(one: Picture, two: Picture, ones: NDArray[np.float32], twos: NDArray[np.float32]) -> bool:
    if float(np.abs(ones - twos).max()) > TWIN_BLOCK_LEVELS:
        return False
    difference = np.abs(one.astype(np.int16) - two.astype(np.int16))
    return float(difference.mean()) <= TWIN_PIXEL_LEVELS


def check_rows(model: str, rows: NDArray[np.float32]) -> None:
    """Raise VectorFault unless every row is finite and of norm 1 ± 1e-3."""
    if not np.isfinite(rows).all():
        raise VectorFault(
            f"The model {model} gave values that are not numbers. Run `heimdex models verify`; "
            "if its files are sound, load it with precision fp32."
        )
    off = np.abs(np.linalg.norm(rows, axis=1) - 1.0)
    if off.size and float(off.max()) > NORM_TOLERANCE:
        raise VectorFault(
            f"The model {model} gave a vector whose length is off by {float(off.max()):.4f}. "
            "Run `heimdex models verify`."
        )


def check_pictures(model: str, prepared: NDArray[np.uint8], spaces: Sequence[NDArray[np.float32]]) -> None:
    """Raise VectorFault unless the vectors of these pictures are sound.

    `prepared` is (n, size, size, 3), each of `spaces` (n, dim). Besides `check_rows`: plainly different
    pictures (block means 8 levels apart on average) may not share a vector.
    """
    for rows in spaces:
        check_rows(model, rows)
    means = np.stack([block_means(picture).ravel() for picture in prepared])
    for index in range(1, len(prepared)):
        different = np.abs(means[:index] - means[index]).mean(axis=1) >= DIFFERENT_LEVELS
        for rows in spaces:
            same = np.abs(rows[:index] - rows[index]).max(axis=1) <= COLLAPSED_DIFFERENCE
            if bool((different & same).any()):
                raise VectorFault(
                    f"The model {model} gave the same vector for different pictures. "
                    "Run `heimdex models verify`; if its files are sound, load it with precision fp32."
                )
