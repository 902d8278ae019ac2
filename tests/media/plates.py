"""Plates and serial numbers put into pictures as a camera sees them: at an angle, blurred, with noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from heimdex.entities import Picture

PHOTOS = Path(__file__).parents[3] / "shared/data/photos"
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
DIGITS = "0123456789"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How hard a plate is to read."""

    blur_px: float = 0.0  # sigma
    noise: float = 0.0  # sigma, of 255
    tilt: float = 0.0  # how far a corner strays, as a share of the plate's height
    height: int = 32  # px of the letters' line


CLEAR = Conditions()
WORN = Conditions(blur_px=1.0, noise=8, tilt=0.25, height=32)
HARD = Conditions(blur_px=1.8, noise=16, tilt=0.5, height=32)


def plate_texts(count: int, seed: int = 7) -> Iterator[str]:
    """Plates and serials of many forms, two characters and more."""
    rng = np.random.default_rng(seed)

    def some(signs: str, number: int) -> str:
        return "".join(rng.choice(list(signs), number))

    forms = (
        lambda: f"{some(LETTERS, 1)}{some(DIGITS, 1)}",
        lambda: f"{some(LETTERS, 2)} {some(DIGITS, 4)}",
        lambda: f"{some(LETTERS, 1)}-{some(LETTERS, 2)} {some(DIGITS, 3)}",
        lambda: f"{some(LETTERS, 2)}{some(DIGITS, 2)} {some(LETTERS, 3)}",
        lambda: f"SN {some(DIGITS, 4)}-{some(LETTERS, 2)}{some(DIGITS, 3)}",
    )
    for number in range(count):
        yield forms[number % len(forms)]()


def scenery(number: int) -> Picture:
    """A real photo where the test data lies beside the repository, else a drawn one; 640 px wide."""
    files = sorted(PHOTOS.glob("*.jpg"))
    if files:
        image = Image.open(files[number * 37 % len(files)]).convert("RGB")
    else:
        rng = np.random.default_rng(number)
        image = Image.fromarray(rng.integers(40, 200, (9, 12, 3), dtype=np.uint8))
    return np.array(image.resize((640, 640 * image.height // image.width), Image.Resampling.BICUBIC))


def with_plate(picture: Picture, text: str, conditions: Conditions, seed: int = 0) -> Picture:
    """The picture with a white plate somewhere in it."""
    rng = np.random.default_rng(seed)
    font = ImageFont.load_default(conditions.height)
    _, _, right, bottom = font.getbbox(text)
    width, height = int(right) + conditions.height, int(bottom) + conditions.height // 2
    plate = Image.new("RGB", (width, height), (236, 236, 228))
    drawing = ImageDraw.Draw(plate)
    drawing.rectangle((1, 1, width - 2, height - 2), outline=(30, 30, 60), width=2)
    drawing.text((conditions.height // 2, conditions.height // 5), text, font=font, fill=(15, 15, 25))
    margin = conditions.height
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float) + margin
    strayed = corners + rng.uniform(-1, 1, (4, 2)) * conditions.tilt * height / 2
    size = (width + 2 * margin, height + 2 * margin)
    how = _perspective(strayed, corners - margin)
    shown = plate.transform(size, Image.Transform.PERSPECTIVE, how, Image.Resampling.BICUBIC)
    mask = Image.new("L", plate.size, 255).transform(size, Image.Transform.PERSPECTIVE, how)
    image = Image.fromarray(picture)
    place = tuple(
        int(rng.integers(0, max(1, room - used))) for room, used in zip(image.size, size, strict=True)
    )
    image.paste(shown, (place[0], place[1]), mask)
    if conditions.blur_px:
        image = image.filter(ImageFilter.GaussianBlur(conditions.blur_px))
    noisy = np.asarray(image, float) + rng.normal(0, conditions.noise, (*picture.shape[:2], 1))
    return noisy.clip(0, 255).astype(np.uint8)


def _perspective(seen: np.ndarray, flat: np.ndarray) -> list[float]:
    """Pillow's eight coefficients, which lead from the corners as seen to those of the flat plate."""
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, flat, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows), np.array(values))]
