"""Pictures made to fit a model's input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Picture
from heimdex.errors import ModelError

Resize = Literal["crop", "centre", "squash", "ends"]
"""How a picture becomes square views. `crop`: the shorter side is made to fit, the middle cut out (CLIP).
`centre`: the same from a picture larger by 1 / CENTRE_SHARE (nets measured on ImageNet). `squash`: the whole,
squeezed. `ends`: two views from either end of the longer side, which see all of it."""

Filter = Literal["bicubic", "bilinear"]
"""How pixels are weighed when a picture gets another size; both look at all that fall into one of the new."""

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom, px

CENTRE_SHARE = 0.875  # of the shorter side; what ImageNet models are measured with (224 of 256 px)
VIEWS: dict[Resize, int] = {"crop": 1, "centre": 1, "squash": 1, "ends": 2}
SLENDER = 16  # times as long as wide: then only what is left of a picture is resized, not all of it


def read_rgb(path: Path) -> Picture:
    """A picture file of our own, upright, (h, w, 3). Others' files are read by `media`. Raises OSError."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        return np.array(ImageOps.exif_transpose(opened).convert("RGB"))


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


def fit(picture: NDArray[Any], size: int, rule: Resize, method: Filter = "bicubic") -> Picture:
    """A picture of any shape as (VIEWS[rule] · size, size, 3) uint8, its views one below the other.

    Equal to torchvision's Resize and CenterCrop on a Pillow image, value for value, for `crop`, `centre` and
    `squash`; with alpha, colours are weighed by it while resizing, and it is dropped afterwards, as in
    OpenAI's transform. Raises ModelError for what is no picture.
    """
    from PIL import Image  # here, because a search by words need not wait for it

    rgb = as_rgb(picture)
    alpha = picture.ndim == 3 and picture.shape[2] == 4
    image = Image.fromarray(np.ascontiguousarray(picture) if alpha else rgb)
    filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    square = (size, size)
    if rule in ("crop", "centre"):
        views = [_middle(image, size, size if rule == "crop" else int(size / CENTRE_SHARE), filters[method])]
    else:
        views = [image.resize(square, filters[method], box=box) for box in _boxes(*image.size, rule)]
    return np.concatenate([np.asarray(view.convert("RGB"), dtype=np.uint8) for view in views])


def _middle(image: Any, size: int, shorter: int, method: Any) -> Any:
    """The central square of `size` px of a picture whose shorter side was made `shorter` px long.

    Sizes and corners are rounded as in torchvision: the longer side down, the corner to the nearest even.
    """
    width, height = image.size
    least = min(width, height)
    wide, high = (shorter if side == least else int(shorter * side / least) for side in (width, height))
    left, top = round((wide - size) / 2.0), round((high - size) / 2.0)
    if max(width, height) > SLENDER * least:
        steps = width / wide, height / high
        box = (left * steps[0], top * steps[1], (left + size) * steps[0], (top + size) * steps[1])
        return image.resize((size, size), method, box=box)
    return image.resize((wide, high), method).crop((left, top, left + size, top + size))


def _boxes(width: int, height: int, rule: Resize) -> tuple[Box, ...]:
    if rule == "squash":
        return ((0.0, 0.0, float(width), float(height)),)
    # Half the longer side at least: what is wider than 2:1 is squeezed, so that nothing is left out.
    shorter = float(min(width, height))
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
