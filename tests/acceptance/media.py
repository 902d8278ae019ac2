"""Small files that take moments to index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from heimdex.entities import Picture
from tests.media.clips import Clip, Sound, make
from tests.media.counter import counter_picture

PHOTOS = {
    "photos/red.jpg": (200, 40, 40),
    "photos/green.png": (40, 160, 60),
    "photos/blue.webp": (40, 60, 200),
    "photos/yellow.jpg": (220, 210, 60),
}


def photo(colour: tuple[int, int, int], *, size: int = 320) -> Picture:
    """A picture of something: rings in one colour."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    rings = 0.5 + 0.5 * np.cos(12 * np.hypot(x, y))
    picture: Picture = (rings[..., None] * np.array(colour)).astype(np.uint8)
    return picture


def make_small_library(folder: Path) -> Path:
    """Three films of two or three scenes, one recording, four photos."""
    films = folder / "films"
    for number in range(3):
        make(Clip(width=160, height=90, count=75 + number, cuts=(25, 50), group=25), films)
    make(Clip(codec=None, ending="m4a", sound=Sound(seconds=1.0)), folder / "sound")
    (folder / "photos").mkdir()
    for name, colour in PHOTOS.items():
        Image.fromarray(photo(colour)).save(folder / name)
    return folder


def make_long_films(folder: Path, count: int) -> list[Path]:
    """Films of a minute that keep a decoder busy for seconds; they differ by a box of padding at the end."""
    cuts = tuple(range(100, 1_500, 100))
    first = make(Clip(width=640, height=360, count=1_500, cuts=cuts, group=250), folder)
    films = [first]
    for number in range(1, count):
        films.append(folder / f"film-{number}.mp4")
        films[-1].write_bytes(first.read_bytes() + (8 + number).to_bytes(4, "big") + b"free" + bytes(number))
    return films


def counter_photo(folder: Path, number: int) -> Path:
    """A photo with a number on it; no two are alike."""
    path = folder / f"photo-{number:03}.jpg"
    Image.fromarray(counter_picture(number, scene=number)).save(path)
    return path
