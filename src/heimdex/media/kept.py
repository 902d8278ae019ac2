"""Kept files looked at again: are they pictures, of which size, and do two show the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from heimdex.entities import Picture
from heimdex.errors import DamagedFile
from heimdex.media.files import open_original

COMPARED_SIDE = 32  # px; at this size the two JPEGs differ by their subjects, not by their compression


def dimensions(path: Path) -> tuple[int, int]:
    """(width, height) in px that the file's header states. Raises UnreadableFile, DamagedFile."""
    with open_original(os.fsencode(path)) as file:
        try:
            with Image.open(file, formats=("JPEG",)) as image:
                return image.size
        except (OSError, SyntaxError, ValueError) as err:
            raise DamagedFile(f"the kept picture {path} is damaged; run `heimdex index --repair`") from err


def difference(frame: Picture, thumbnail: Picture) -> float:
    """How far a thumbnail is from its frame: mean absolute difference in levels of 255, both made small.

    One whose shape is not the frame's is 255 apart.
    """
    height, width = thumbnail.shape[:2]
    expected = frame.shape[0] * width / frame.shape[1]
    if abs(expected - height) > 1 and abs(height / expected - 1) > 1 / width:
        return 255.0
    size = (min(width, COMPARED_SIDE), min(height, COMPARED_SIDE))
    apart = _reduced(frame, size) - _reduced(thumbnail, size)
    return float(np.abs(apart).mean())


def _reduced(picture: Picture, size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX), dtype=np.float32)
