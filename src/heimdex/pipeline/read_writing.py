"""The jobs of the stage `writing`: what runs inside its worker process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from heimdex.entities import Facts, Picture
from heimdex.errors import MediaError, ModelError, UnreadableFile
from heimdex.extractors.rapid_ocr import RapidReader, ReaderOptions
from heimdex.extractors.twins import Cells, cells, is_twin
from heimdex.extractors.writing import Reader, ReadLine
from heimdex.media.photo import read_photo
from heimdex.media.video import SEEKABLE, frames

Report = Callable[..., None]

CHAINED_US = 4_000_000  # decoding on for so long costs about as much as a seek, which decodes half a group
REPORT_EVERY_S = 0.5
LONGEST_PX = 4096  # short side of a photo; what is larger was enlarged by somebody, or is a scan of a poster
LOST = "its frame cannot be decoded again; copy the file again from where it came"


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A kept frame whose picture is to be read at full size."""

    number: int
    at_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """The reading of a picture began: what happens to the process now is this picture's doing."""

    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a picture gave, or the reason why nothing. `width` and `height` are px of the picture read."""

    number: int
    width: int = 0
    height: int = 0
    lines: tuple[ReadLine, ...] = ()
    error: str | None = None


def warm(report: Report, options: ReaderOptions) -> None:
    """Load the reader and let it read once, so that no picture pays for it."""
    reader = warm_reader(options)
    report()
    blank = np.full((720, 1280, 3), 255, np.uint8)
    blank[340:380, 400:800:40] = 0
    reader.read(blank)


@lru_cache(maxsize=1)
def warm_reader(options: ReaderOptions) -> Reader:
    """The one reader of this process."""
    return RapidReader(options)


def read_still(report: Report, path: bytes, max_pixels: int, options: ReaderOptions) -> Reading:
    """The lines of a photo. Raises MediaError, ModelError."""
    picture = read_photo(path, max_pixels=max_pixels, short_side=LONGEST_PX)
    report()
    return _reading(0, picture, tuple(warm_reader(options).read(picture)))


def read_film(
    report: Report, path: bytes, facts: Facts, moments: Sequence[Moment], options: ReaderOptions
) -> None:
    """The lines of a film at some moments, in the order of time. Each is reported, as `Begun` and `Reading`.

    Only the stretches round the moments are decoded. A picture in which nothing differs from the one before
    is not read: its lines are that one's. Raises UnreadableFile; what else fails is its moments' error.
    """
    reader = warm_reader(options)
    before: tuple[Cells, Reading] | None = None
    for stretch in stretches(facts, moments):
        for moment, picture in _pictures(report, path, facts, stretch, options.threads):
            if isinstance(picture, str):
                report(Reading(number=moment.number, error=picture))
                continue
            report(Begun(number=moment.number))
            seen = cells(picture)
            if before is not None and is_twin(before[0], seen):
                reading = _reading(moment.number, picture, before[1].lines)
            else:
                reading = _attempt(reader, moment, picture)
                before = (seen, reading) if reading.error is None else None
            report(reading)


def stretches(facts: Facts, moments: Sequence[Moment]) -> list[list[Moment]]:
    """Moments that are decoded in one go; all of them where a film can only be read from its beginning."""
    found: list[list[Moment]] = [list(moments[:1])] if moments else []
    seekable = facts.container in SEEKABLE and not facts.clock_breaks
    for before, moment in pairwise(moments):
        if not seekable or moment.at_us - before.at_us <= CHAINED_US:
            found[-1].append(moment)
        else:
            found.append([moment])
    return found


def _pictures(
    report: Report, path: bytes, facts: Facts, stretch: Sequence[Moment], threads: int
) -> Iterator[tuple[Moment, Picture | str]]:
    """Every moment of a stretch with its picture, or with the reason why there is none."""
    waiting = list(stretch)
    due_s, error = 0.0, LOST
    try:
        with frames(
            path, facts, threads=threads, start_us=stretch[0].at_us, end_us=stretch[-1].at_us + 1
        ) as source:
            for frame in source:
                if time.monotonic() >= due_s:
                    report()
                    due_s = time.monotonic() + REPORT_EVERY_S
                while waiting and waiting[0].at_us < frame.end_us:
                    yield waiting.pop(0), frame.render(0)
                if not waiting:
                    break
    except UnreadableFile:
        raise
    except MediaError as damage:
        error = str(damage)
    for moment in waiting:
        yield moment, error


def _attempt(reader: Reader, moment: Moment, picture: Picture) -> Reading:
    try:
        return _reading(moment.number, picture, tuple(reader.read(picture)))
    except ModelError as error:
        return Reading(number=moment.number, error=str(error))


def _reading(number: int, picture: Picture, lines: tuple[ReadLine, ...]) -> Reading:
    height, width = picture.shape[:2]
    return Reading(number=number, width=width, height=height, lines=lines)
