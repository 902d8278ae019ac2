"""Films become frames in one decode pass, or in the few groups of pictures that are asked for."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from types import TracebackType

import av

from heimdex.entities import Facts, Frame
from heimdex.errors import DamagedFile
from heimdex.media.decoding import DecodeReport, Decoding, Timed
from heimdex.media.render import Shrinker, render
from heimdex.media.streams import FRAME_PIXELS_LIMIT, opened

# Containers whose frames keep their times after a seek. In all others a range is reached from the start.
SEEKABLE = frozenset({"mp4", "mov", "matroska", "webm", "mpegts", "mpeg", "avi", "asf", "flv", "mxf"})
SEEK_MARGINS_US = (0, 2_000_000, 10_000_000, 60_000_000)  # tried until a frame before the start comes out
EARLY_END_US = 250_000

__all__ = ["DecodeReport", "Frames", "frames"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Range:
    """What of a film is wanted: the frames shown at some moment of [start_us, end_us)."""

    start_us: int | None
    end_us: int | None
    threads: int
    referenced_only: bool


class Frames(Iterator[Frame]):
    """The frames of one pass, in order. `report` tells what was lost; it is complete when the pass is."""

    def __init__(self, path: bytes, facts: Facts, wanted: _Range) -> None:
        self.report = DecodeReport()
        self._frames = _pass(path, facts, wanted, self.report)

    def __next__(self) -> Frame:
        return next(self._frames)

    def __enter__(self) -> Frames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the pass and closes the file."""
        self._frames.close()


def frames(
    path: bytes,
    facts: Facts,
    *,
    threads: int = 2,
    start_us: int | None = None,
    end_us: int | None = None,
    referenced_only: bool = False,
) -> Frames:
    """Every frame of a film, or those shown at some moment of [start_us, end_us), in one pass.

    `facts` are what `probe` said of this file. Times are best-effort presentation times on the asset's clock,
    strictly increasing; a frame ends where the next begins. A range is sought, and gives the same frames at
    the same times as the full pass. `referenced_only` leaves out frames that no other frame refers to
    (faster; their time goes to the frame before). Damage on the way is skipped and told in the result's
    `report`. Iterating raises UnreadableFile, and DamagedFile where nothing at all can be decoded.
    """
    wanted = _Range(start_us=start_us, end_us=end_us, threads=threads, referenced_only=referenced_only)
    return Frames(path, facts, wanted)


def _pass(path: bytes, facts: Facts, wanted: _Range, report: DecodeReport) -> Generator[Frame, None, None]:
    """Starts from the nearest place that gives a frame before the range, from the beginning at the last."""
    for seek_us in _starting_points(facts, wanted.start_us):
        with opened(path, facts.container, max_pixels=FRAME_PIXELS_LIMIT) as container:
            decoding = Decoding(container, facts, report, threads=wanted.threads)
            if wanted.referenced_only:
                decoding.referenced_only()
            timed = decoding.timed(seek_us)
            first = next(timed, None)
            if seek_us is not None and (first is None or first.at_us > (wanted.start_us or 0)):
                continue
            if first is None:
                raise DamagedFile("not one frame can be decoded; copy the file again from where it came")
            yield from _spaced(first, timed, wanted, report, decoding.aspect)
            if wanted.end_us is None:
                report.ended_early = report.decoded_until_us + EARLY_END_US < decoding.stated_end_us
        return


def _starting_points(facts: Facts, start_us: int | None) -> Iterator[int | None]:
    if start_us is not None and facts.container in SEEKABLE and not facts.clock_breaks:
        for margin_us in SEEK_MARGINS_US:
            if start_us - margin_us > (facts.video_offset_us or 0):
                yield start_us - margin_us
    yield None


def _spaced(
    first: Timed, rest: Iterator[Timed], wanted: _Range, report: DecodeReport, aspect: Fraction | None
) -> Iterator[Frame]:
    """Frames with their ends, which are the next frames' starts; only those the range wants."""
    shrinker = Shrinker()
    start_us, end_us = wanted.start_us or 0, wanted.end_us
    current: Timed | None = first
    while current is not None and (end_us is None or current.at_us < end_us):
        following = next(rest, None)
        until_us = following.at_us if following is not None else current.at_us + current.nominal_us
        report.frames += 1
        report.corrupt_frames += current.frame.is_corrupt
        report.decoded_until_us = until_us
        if until_us > start_us:
            try:
                small = shrinker.small(current.frame)
            except av.FFmpegError:  # a layout that nothing converts
                report.lost_packets += 1
            else:
                show = partial(render, current.frame, aspect)
                yield Frame(at_us=current.at_us, end_us=until_us, small=small, render=show)
        current = following
