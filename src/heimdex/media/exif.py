"""EXIF of photos: orientation, when, with what, where. A broken block is as good as none, never an error.

Tag numbers: CIPA DC-008 (Exif 3.0) and TIFF 6.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import Image

from heimdex.media.tags import camera, checked_place, exif_date

MAKE, MODEL, ORIENTATION, CHANGED = 0x010F, 0x0110, 0x0112, 0x0132
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
# (date, offset from UTC, fraction of a second), the moment of exposure first
DATES = ((0x9003, 0x9011, 0x9291), (0x9004, 0x9012, 0x9292))
CHANGED_OFFSET = 0x9010

# EXIF orientation → how to turn the stored picture upright
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
CLOCKWISE = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}


@dataclass(frozen=True, kw_only=True, slots=True)
class Exif:
    """What of a photo's EXIF is kept."""

    orientation: int = 1
    captured_at: datetime | None = None
    camera: str | None = None
    place: tuple[float, float] | None = None


def read_exif(image: Image.Image) -> Exif:
    """The EXIF of an opened image. Whatever cannot be read is left out."""
    block = _block(image)
    details, position = _inner(block, EXIF_IFD), _inner(block, GPS_IFD)
    return Exif(
        orientation=_orientation(block),
        captured_at=_date(block, details),
        camera=camera(_text(block.get(MAKE)), _text(block.get(MODEL))),
        place=_place(position),
    )


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation 1-8; 1 where none is written."""
    return _orientation(_block(image))


def _block(image: Image.Image) -> Mapping[int, Any]:
    try:
        return image.getexif()
    except Exception:  # camera firmware and editors break EXIF in every way; the picture is whole
        return {}


def _inner(block: Mapping[int, Any], tag: int) -> Mapping[int, Any]:
    if not isinstance(block, Image.Exif):
        return {}
    try:
        return block.get_ifd(tag)
    except Exception:  # as above
        return {}


def _orientation(block: Mapping[int, Any]) -> int:
    value = block.get(ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _date(block: Mapping[int, Any], details: Mapping[int, Any]) -> datetime | None:
    for date, offset, fraction in DATES:
        moment = exif_date(_text(details.get(date)), _text(details.get(offset)), _text(details.get(fraction)))
        if moment:
            return moment
    return exif_date(_text(block.get(CHANGED)), _text(details.get(CHANGED_OFFSET)))


def _place(position: Mapping[int, Any]) -> tuple[float, float] | None:
    latitude = _degrees(position.get(2), negative=_text(position.get(1)) == "S")
    longitude = _degrees(position.get(4), negative=_text(position.get(3)) == "W")
    if latitude is None or longitude is None:
        return None
    return checked_place(latitude, longitude)


def _degrees(parts: object, *, negative: bool) -> float | None:
    """Degrees from (degrees, minutes, seconds)."""
    if not isinstance(parts, tuple) or not 1 <= len(parts) <= 3:
        return None
    try:
        degrees = sum((float(part) / 60**power for power, part in enumerate(parts)), 0.0)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if degrees != degrees:  # 0/0, which some cameras write for "no fix"
        return None
    return -degrees if negative else degrees


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value.strip(" \x00") if isinstance(value, str) else None
