"""Pictures of every awkward sort, made from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

SIZES = (
    (640, 480),
    (512, 911),
    (911, 512),
    (333, 517),
    (225, 224),
    (223, 500),
    (97, 31),
    (1, 40),
    (40, 1),
    (1, 1),
)


@dataclass(frozen=True, kw_only=True)
class MadePicture:
    """A picture and what is awkward about it."""

    name: str
    image: Image.Image


def scene(width: int, height: int, seed: int) -> np.ndarray:
    """Soft waves, a hard edge and noise: what resizing gets wrong shows in all three."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 60.0
    waves = [np.sin(x * rng.uniform(-2, 2) + y * rng.uniform(-2, 2) + rng.uniform(0, 6)) for _ in range(3)]
    picture = rng.uniform(40, 215, 3) + 60 * np.stack(waves, axis=2)
    picture[height // 3 : height // 2] = rng.uniform(0, 255, 3)
    picture += rng.normal(0, 20, picture.shape)
    return np.asarray(picture.clip(0, 255), dtype=np.uint8)


def _made() -> tuple[MadePicture, ...]:
    made = [
        MadePicture(name=f"{width}x{height}", image=Image.fromarray(scene(width, height, seed)))
        for seed, (width, height) in enumerate(SIZES)
    ]
    grey = Image.fromarray(scene(300, 401, 50)[:, :, 0])
    colours = scene(401, 300, 51)
    alpha = np.dstack([colours, scene(401, 300, 52)[:, :, 0]])
    return (
        *made,
        MadePicture(name="grey", image=grey),
        MadePicture(name="alpha", image=Image.fromarray(alpha)),
    )


PICTURES = _made()
