"""Stretches of films as an edit decision list that cutting programs read (CMX 3600). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

DEFAULT_RATE = 25.0  # of a list without films
STILL_US = 5_000_000  # how long a photo stands
RECORD_START_S = 3600  # lists begin at one hour, by custom
REEL_LENGTH = 8
DROPPING = (30, 60)  # nominal rates whose 1000/1001 are counted with dropped numbers
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """A stretch of an original, [start_us, end_us) on its asset's clock; a photo's has no length."""

    path: str
    start_us: int
    end_us: int
    frame_rate: float | None = None  # frames a second; None for sounds and photos
    first_picture_us: int = 0  # on the asset's clock: its frame number 0
    picture: bool = True
    sound: bool = True


def edl(shots: Sequence[Shot], *, title: str, frame_rate: float | None = None) -> str:
    """The list, in the order of the shots, one after the other.

    Source times are frame numbers from the first picture on, at the file's own rate, written as time code;
    29.97 and 59.94 frames a second are counted with dropped numbers (SMPTE ST 12-1). The list has the rate
    of its first film, or `frame_rate`; shots of files with another one say so in a comment. Every file has a
    reel name of its own.
    """
    first = next((shot.frame_rate for shot in shots if shot.frame_rate), None)
    rate = _exact(frame_rate or first or DEFAULT_RATE)
    lines = [f"TITLE: {_line(title)}", f"FCM: {'DROP FRAME' if _drops(rate) else 'NON-DROP FRAME'}", ""]
    reels = _Reels()
    at = round(RECORD_START_S * (rate if _drops(rate) else round(rate)))
    for number, shot in enumerate(shots, start=1):
        own = _exact(shot.frame_rate) if shot.frame_rate else rate
        begin, end = _frames(shot, own)
        lasts = max(1, round((end - begin) / own * rate))
        times = " ".join((_code(begin, own), _code(end, own), _code(at, rate), _code(at + lasts, rate)))
        lines.append(
            f"{number:03d}  {reels.of(shot.path):<{REEL_LENGTH}} {_channel(shot):<5} C        {times}"
        )
        lines.append(f"* FROM CLIP NAME: {_line(shot.path.rpartition('/')[2])}")
        lines.append(f"* SOURCE FILE: {_line(shot.path)}")
        if own != rate:
            lines.append(f"* SOURCE FRAME RATE: {float(own):.3f}")
        at += lasts
    return "\n".join(lines) + "\n"


def _frames(shot: Shot, rate: Fraction) -> tuple[int, int]:
    """The first frame and the one after the last."""
    end_us = shot.end_us if shot.end_us > shot.start_us else shot.start_us + STILL_US
    zero_us = shot.first_picture_us if shot.picture else 0
    begin = max(0, round((shot.start_us - zero_us) * rate / 1_000_000))
    return begin, max(begin + 1, round((end_us - zero_us) * rate / 1_000_000))


def _exact(frame_rate: float) -> Fraction:
    """29.97 and its kin are n × 1000/1001; others are taken as they are."""
    nominal = round(frame_rate)
    for rate in (Fraction(nominal), Fraction(nominal * 1000, 1001)):
        if nominal and abs(float(rate) - frame_rate) < 0.005:
            return rate
    return Fraction(frame_rate).limit_denominator(1001)


def _drops(rate: Fraction) -> bool:
    return rate.denominator == 1001 and round(rate) in DROPPING


def _code(frame: int, rate: Fraction) -> str:
    """A frame's number as time code; where numbers drop, minutes but every tenth skip their first ones."""
    nominal = max(1, round(rate))
    if _drops(rate):
        skipped = nominal // 15
        minute, ten = nominal * 60 - skipped, nominal * 600 - 9 * skipped
        tens, rest = divmod(frame, ten)
        frame += 9 * skipped * tens
        if rest >= nominal * 60:
            frame += skipped * (1 + (rest - nominal * 60) // minute)
    seconds, left = divmod(frame, nominal)
    point = ";" if _drops(rate) else ":"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{left:02d}"


def _channel(shot: Shot) -> str:
    if not shot.picture:
        return "A"
    return "B" if shot.sound else "V"


def _line(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()


class _Reels:
    """A name of eight letters and digits for every file, after its own."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, path: str) -> str:
        if path not in self._names:
            stem = path.rpartition("/")[2].rpartition(".")[0] or path.rpartition("/")[2]
            base = re.sub(r"[^A-Z0-9]", "", stem.upper())[:REEL_LENGTH] or "REEL"
            name, number = base, 1
            while name in self._names.values():
                number += 1
                name = base[: REEL_LENGTH - len(str(number))] + str(number)
            self._names[path] = name
        return self._names[path]
