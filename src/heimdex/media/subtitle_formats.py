"""The text of a subtitle file becomes raw cues, by what it holds and not by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pysubs2

_TIME = r"(-?)\s*(?:(\d{1,5})\s*:)?\s*(\d{1,3})\s*:\s*(\d{1,2})(?:\s*[.,:]\s*(\d{1,9}))?"
_ARROW = re.compile(rf"^\s*{_TIME}\s*(?:-{{1,3}}|–|—)\s*(?:>|&gt;)\s*{_TIME}", re.MULTILINE)
_HALF = re.compile(r"\d\s*-{1,2}>")
_TORN = re.compile(r"^\s*\d{1,3}:[\d:,.\s]*-{0,2}$")
_HEAD = 65_536  # characters among which a file shows what it is
_NUMBER = re.compile(r"^\s*\d{1,6}\s*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class RawCue:
    """A cue as it is written: with its markup, its times against the player's zero."""

    start_us: int
    end_us: int
    raw: str


def raw_cues(text: str) -> Iterator[RawCue]:
    """The cues of a file: SubRip, WebVTT, ASS, SSA, SAMI. None where it holds none.

    SubRip and WebVTT are read here, as tolerantly as players do; the others by pysubs2.
    """
    head = text[:_HEAD]
    if "[Events]" in head or "[Script Info]" in head or re.search(r"^Dialogue:", head, re.MULTILINE):
        return _by_library(text, "ass")
    if re.search(r"<SAMI\b", head, re.IGNORECASE):
        return _by_library(text, "sami")
    return _blocks(text, webvtt=head.lstrip().startswith("WEBVTT"))


def _blocks(text: str, *, webvtt: bool) -> Iterator[RawCue]:
    """SubRip and WebVTT: a line with two times, then lines of text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    arrows = list(_ARROW.finditer(text))
    for number, arrow in enumerate(arrows):
        last = number + 1 == len(arrows)
        stop = len(text) if last else text.rfind("\n", 0, arrows[number + 1].start() + 1) + 1
        # what follows the second time are positions
        _, _, body = text[arrow.end() : stop].partition("\n")
        groups = arrow.groups()
        raw = _until_blank(body) if webvtt else _without_number(body, last=last)
        yield RawCue(start_us=_us(*groups[:5]), end_us=_us(*groups[5:]), raw=raw)


def _until_blank(body: str) -> str:
    """In WebVTT a blank line ends a cue; names of the next one and notes follow."""
    return re.split(r"\n[^\S\n]*\n", body, maxsplit=1)[0] if body.strip("\n") == body.rstrip("\n") else ""


def _without_number(body: str, *, last: bool) -> str:
    """Text may hold blank lines in SubRip; the number of the next cue is none of it."""
    lines = [line for line in body.split("\n") if not _HALF.search(line)]  # a file cut off within the times
    while lines and not lines[-1].strip():
        lines.pop()
    if last and len(lines) > 1 and _TORN.match(lines[-1]) and (not lines[-2] or _NUMBER.match(lines[-2])):
        lines.pop()
    # After a blank line, at the end of the file too, where it was cut off; else only before the next times.
    if lines and _NUMBER.match(lines[-1]) and len(lines) > 1 and (not last or not lines[-2]):
        lines.pop()
    return "\n".join(lines)


def _us(sign: str, hours: str | None, minutes: str, whole: str, fraction: str | None) -> int:
    seconds = int(hours or 0) * 3600 + int(minutes) * 60 + int(whole)
    us = seconds * 1_000_000 + int((fraction or "0").ljust(6, "0")[:6])
    return -us if sign else us


def _by_library(text: str, form: str) -> Iterator[RawCue]:
    try:
        events = pysubs2.SSAFile.from_string(text, format_=form).events
    except Exception:  # a foreign parser over foreign bytes: whatever it trips over
        return
    for event in events:
        if event.type == "Dialogue" and not event.is_drawing:
            yield RawCue(start_us=event.start * 1000, end_us=event.end * 1000, raw=event.text)
