"""Pictures made to fit a model's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Picture
from heimdex.errors import ModelError

Resize = Literal["centre", "squash", "ends"]
"""How a picture becomes square views. `centre`: its central square, CENTRE_SHARE of the shorter side.
`squash`: the whole, squeezed. `ends`: two views from either end of the longer side, which see all of it."""

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom, px

CENTRE_SHARE = 0.875  # of the shorter side; what ImageNet models are measured with (224 of 256 px)
VIEWS: dict[Resize, int] = {"centre": 1, "squash": 1, "ends": 2}


def as_rgb(picture: NDArray[Any]) -> Picture:
    """A picture as (h, w, 3) uint8, contiguous. It may come grey, (h, w) or (h, w, 1), or with alpha (4).

    Raises ModelError for anything else, or for a picture without pixels.
    """
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.size == 0:
        raise ModelError(
            f"A picture must be (height, width, 3) of uint8, not {picture.shape} of {picture.dtype}."
        )
    if picture.ndim == 2:
        picture = picture[:, :, np.newaxis]
    channels = picture.shape[2]
    if channels not in (1, 3, 4):
        raise ModelError(f"A picture has 1, 3 or 4 channels, not {channels}.")
    coloured = picture.repeat(3, axis=2) if channels == 1 else picture[:, :, :3]
    return np.ascontiguousarray(coloured)


def fit(picture: NDArray[Any], size: int, rule: Resize) -> Picture:
    """A picture of any shape as (VIEWS[rule] · size, size, 3) uint8, its views one below the other.

    Bicubic with antialiasing. A region is cut out and resized in one step, so its edges may fall between
    pixels.
    """
    from PIL import Image  # here, because a search by words need not wait for it

    rgb = as_rgb(picture)
    image = Image.fromarray(rgb)
    height, width = rgb.shape[:2]
    views = [
        np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box), dtype=np.uint8)
        for box in _boxes(width, height, rule)
    ]
    return np.concatenate(views)


def _boxes(width: int, height: int, rule: Resize) -> tuple[Box, ...]:
    shorter = float(min(width, height))
    if rule == "squash":
        return ((0.0, 0.0, float(width), float(height)),)
    if rule == "centre":
        side = shorter * CENTRE_SHARE
        left, top = (width - side) / 2, (height - side) / 2
        return ((left, top, left + side, top + side),)
    # Half the longer side at least: what is wider than 2:1 is squeezed, so that nothing is left out.
    wide, high = max(shorter, width / 2), max(shorter, height / 2)
    return (0.0, 0.0, wide, high), (width - wide, height - high, float(width), float(height))


def normalise(
    pictures: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.float32]:
    """(n, h, w, 3) uint8 → (n, 3, h, w) float32, each colour as (value / 255 − mean) / std."""
    scale = (1.0 / (255.0 * np.asarray(std, dtype=np.float64))).astype(np.float32)
    offset = (-np.asarray(mean, dtype=np.float64) / np.asarray(std, dtype=np.float64)).astype(np.float32)
    planes = pictures.transpose(0, 3, 1, 2).astype(np.float32, order="C")
    planes *= scale[:, np.newaxis, np.newaxis]
    planes += offset[:, np.newaxis, np.newaxis]
    return planes
