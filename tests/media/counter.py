"""Pictures that carry a number which people and machines can read, and that change colour at known cuts."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from heimdex.entities import Picture

BITS = 12
BAR_SHARE = 0.25  # of the height, at the top
COLOURS = ((150, 60, 60), (60, 130, 70), (60, 80, 160), (140, 130, 60), (120, 60, 140))


def counter_picture(number: int, *, width: int = 320, height: int = 180, scene: int = 0) -> Picture:
    """The number as BITS blocks along the top (white = 1, most significant first) and in digits."""
    image = Image.new("RGB", (width, height), COLOURS[scene % len(COLOURS)])
    draw = ImageDraw.Draw(image)
    bar = max(1, round(height * BAR_SHARE))
    for bit in range(BITS):
        lit = number >> (BITS - 1 - bit) & 1
        left, right = width * bit // BITS, max(width * (bit + 1) // BITS, width * bit // BITS + 1)
        draw.rectangle((left, 0, right - 1, bar - 1), fill=(235,) * 3 if lit else (20,) * 3)
    if height >= 60:
        font = ImageFont.load_default(size=height * 0.4)
        draw.text((width * 0.08, height * 0.4), str(number), fill=(255, 255, 255), font=font)
    return np.array(image)


def read_number(picture: Picture) -> int:
    """The number on a picture of any size, upright."""
    height, width = picture.shape[:2]
    bar = picture[: max(1, round(height * BAR_SHARE * 0.7))].mean(axis=(0, 2))
    centres = [int(width * (bit + 0.5) / BITS) for bit in range(BITS)]
    bits = [bar[max(0, at - 1) : at + 2].mean() > 128 for at in centres]
    return int("".join("1" if bit else "0" for bit in bits), 2)


def scene_of(picture: Picture) -> int:
    """Which of the COLOURS stands below the bar."""
    height, width = picture.shape[:2]
    corner = picture[int(height * 0.9) :, int(width * 0.8) :].reshape(-1, 3).mean(axis=0)
    return int(np.argmin([np.abs(corner - np.array(colour)).sum() for colour in COLOURS]))
