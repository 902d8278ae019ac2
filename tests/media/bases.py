"""Whole little photos and films, as bytes: what the broken files are cut from."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from tests.media.clips import Clip, Sound, make
from tests.media.counter import counter_picture

PHOTO_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {"quality": 90}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 80}),
    "heic": ("HEIF", {"quality": 60}),
    "avif": ("AVIF", {"speed": 10}),
    "tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
}
FILM_CLIPS = {
    "mp4": Clip(count=40, sound=Sound(seconds=1.6)),
    "faststart.mp4": Clip(count=40, muxing=(("movflags", "faststart"),)),
    "mkv": Clip(count=40, ending="mkv"),
    "webm": Clip(count=20, ending="webm", codec="libvpx"),
    "avi": Clip(count=40, ending="avi", codec="mpeg4"),
    "ts": Clip(count=40, ending="ts"),
    "mpg": Clip(count=40, ending="mpg", codec="mpeg2video"),
    "flv": Clip(count=40, ending="flv", codec="flv"),
    "wmv": Clip(count=40, ending="wmv", codec="wmv2"),
    "mov": Clip(count=10, ending="mov", codec="prores_ks", pixels="yuv422p10le"),
    "animated.gif": Clip(count=10, ending="gif", codec="gif", pixels="rgb8", width=120, height=80),
    "animated.png": Clip(count=10, ending="apng", codec="apng", pixels="rgb24", width=120, height=80),
}


@dataclass(frozen=True, kw_only=True)
class Bases:
    """Content by kind."""

    photos: dict[str, bytes]
    films: dict[str, bytes]


def make_bases(folder: Path) -> Bases:
    """Makes every base; `folder` keeps the clips."""
    films = {kind: make(clip, folder).read_bytes() for kind, clip in FILM_CLIPS.items()}
    return Bases(photos={kind: photo(kind) for kind in PHOTO_KINDS}, films=films)


@cache
def photo(kind: str, icc_profile: bytes | None = None) -> bytes:
    """A textured picture of 320 × 200 px, so that every part of the file matters."""
    pillow_heif.register_heif_opener()
    picture = Image.fromarray(counter_picture(1234, width=320, height=200))
    noise = Image.fromarray(np.random.default_rng(11).integers(0, 255, (200, 320, 3), np.uint8))
    name, options = PHOTO_KINDS[kind]
    if icc_profile is not None:
        options = {**options, "icc_profile": icc_profile}
    written = io.BytesIO()
    Image.blend(picture, noise, 0.3).save(written, name, **options)
    return written.getvalue()
