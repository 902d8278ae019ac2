"""What cameras write about a picture or a film: when, with what, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

QUICKTIME_DATE = "com.apple.quicktime.creationdate"
QUICKTIME_PLACE = "com.apple.quicktime.location.ISO6709"
# Clocks that were never set: the QuickTime epoch, the Unix epoch, and their first day in any zone.
FIRST_PLAUSIBLE_YEAR = 1971

_ISO_6709 = re.compile(r"^([+-])(\d+(?:\.\d+)?)([+-])(\d+(?:\.\d+)?)")
_OFFSET = re.compile(r"^([+-])(\d\d):?(\d\d)$")


def captured_at(tags: Mapping[str, str]) -> datetime | None:
    """When a film was shot, always with a zone. Apple's own date knows the zone, creation_time is UTC."""
    for name in (QUICKTIME_DATE, "creation_time", "date", "DATE_RECORDED", "DATE"):
        written = tags.get(name) or tags.get(name.lower())
        if written and (moment := _iso_date(written)):
            return moment
    return None


def camera(make: str | None, model: str | None) -> str | None:
    """Make and model in one, without the make twice ("Canon", "Canon EOS R5" → "Canon EOS R5")."""
    maker, name = (_clean(make), _clean(model))
    if not name or name.lower().startswith(maker.lower()):
        return name or maker or None
    return f"{maker} {name}"


def film_camera(tags: Mapping[str, str]) -> str | None:
    """The camera of a film, from QuickTime's or Android's tags."""
    make = tags.get("com.apple.quicktime.make") or tags.get("com.android.manufacturer") or tags.get("make")
    model = tags.get("com.apple.quicktime.model") or tags.get("com.android.model") or tags.get("model")
    return camera(make, model)


def film_place(tags: Mapping[str, str]) -> tuple[float, float] | None:
    """Latitude and longitude in degrees of a film, from its ISO 6709 tag."""
    return place(tags.get(QUICKTIME_PLACE) or tags.get("location") or tags.get("LOCATION") or "")


def place(written: str) -> tuple[float, float] | None:
    """Latitude and longitude in degrees from ISO 6709: degrees, degrees + minutes, or + seconds."""
    match = _ISO_6709.match(written.strip())
    if match is None:
        return None
    latitude = _degrees(match[2], whole_digits=2) * (-1 if match[1] == "-" else 1)
    longitude = _degrees(match[4], whole_digits=3) * (-1 if match[3] == "-" else 1)
    return checked_place(latitude, longitude)


def checked_place(latitude: float, longitude: float) -> tuple[float, float] | None:
    """The place, or None where it cannot be one: out of range, or 0, 0 (written without a fix)."""
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def exif_date(written: str | None, offset: str | None = None, fraction: str | None = None) -> datetime | None:
    """An EXIF date ("2024:05:01 12:34:56") with a zone; where none is written the clock is read as UTC."""
    if not written:
        return None
    try:
        moment = datetime.strptime(_clean(written)[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    digits = re.match(r"\d{1,6}", _clean(fraction))
    if digits:
        moment = moment.replace(microsecond=int(digits[0].ljust(6, "0")))
    return _plausible(moment.replace(tzinfo=_zone(_clean(offset)) or UTC))


def _zone(written: str) -> timezone | None:
    match = _OFFSET.match(written)
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return None
    away = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-away if match[1] == "-" else away)


def _iso_date(written: str) -> datetime | None:
    text = _clean(written)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return exif_date(text)
    if len(text) < 10:  # a year or a month alone is no moment
        return None
    return _plausible(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _plausible(moment: datetime) -> datetime | None:
    return moment if moment.year >= FIRST_PLAUSIBLE_YEAR else None


def _degrees(digits: str, *, whole_digits: int) -> float:
    """DD.d, DDMM.m or DDMMSS.s; the number of digits before the point tells which (ISO 6709, annex H)."""
    whole = digits.partition(".")[0]
    if len(whole) <= whole_digits:
        return float(digits)
    degrees, rest = digits[:whole_digits], digits[whole_digits:]
    if len(whole) <= whole_digits + 2:
        return float(degrees) + float(rest) / 60
    return float(degrees) + float(rest[:2]) / 60 + float(rest[2:]) / 3600


def _clean(text: str | None) -> str:
    """Without the zero bytes and blanks that cameras pad with."""
    return (text or "").replace("\x00", " ").strip()
