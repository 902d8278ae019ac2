"""Sound becomes one even row of samples on the asset's clock, piece by piece (decisions 0003 and 0027)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from heimdex.entities import Facts
from heimdex.errors import DamagedFile
from heimdex.media.clock import AHEAD_S, BACK_S, MICROSECONDS
from heimdex.media.hearing import Heard, Hearing, SoundReport
from heimdex.media.mixing import RATE_HZ, Mixer, Samples
from heimdex.media.streams import FRAME_PIXELS_LIMIT, choose, opened
from heimdex.media.video import SEEKABLE

PIECE_SAMPLES = 2 * RATE_HZ
# A frame that comes this much too late or too early leaves a gap or overlaps; less is the jitter of clocks
# that count milliseconds, of which only a lasting part is followed.
STEP_US = 15_000
DRIFT_US, DRIFT_FRAMES = 1_000, 32
FAR_US = 60_000_000  # a step that leads out of the file and is longer than this is no gap
EARLY_END_US = 250_000
PREROLL_US = 1_000_000  # decoded before a range: codecs lean on what was before (MP3's reservoir, Opus)
# Containers in which a sound keeps its times after a seek. All others are read from the beginning.
SOUND_SEEKABLE = SEEKABLE - {"mpegts", "mpeg"} | {"wav", "w64", "aiff", "flac", "caf"}

__all__ = ["RATE_HZ", "Sound", "SoundPiece", "SoundReport", "sound"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundPiece:
    """A stretch of sound: mono, float32, shape (n,), 16 kHz, nominally -1 to 1. Pieces join without a gap."""

    start_us: int
    samples: Samples

    @property
    def end_us(self) -> int:
        """Where the next piece begins."""
        return self.start_us + len(self.samples) * MICROSECONDS // RATE_HZ


class Sound(Iterator[SoundPiece]):
    """The pieces of one pass, in order. `report` tells what was lost; it is complete when the pass is."""

    def __init__(self, path: bytes, facts: Facts, start_us: int, end_us: int | None) -> None:
        self.report = SoundReport()
        self._pieces = _pass(path, facts, _Row(start_us, end_us, self.report), self.report)

    def __next__(self) -> SoundPiece:
        return next(self._pieces)

    def __enter__(self) -> Sound:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the pass and closes the file."""
        self._pieces.close()


def sound(path: bytes, facts: Facts, *, start_us: int = 0, end_us: int | None = None) -> Sound:
    """The chosen sound of a film or a recording as 16 kHz mono float32, or [start_us, end_us) of it.

    `facts` are what `probe` said of this file. The first piece begins at `start_us`; sample n of all pieces
    together is heard n / 16,000 s after it, within a millisecond: where the sound begins later, or its
    timestamps leave a gap, there is silence, and what overlaps is heard once. Pieces hold 2 s, the last one
    less; memory does not grow with the file. Nothing comes where there is no sound stream, or nothing in it.
    Damage on the way is skipped and told in the result's `report`. Iterating raises UnreadableFile, and
    DamagedFile where there is a sound and nothing of it can be decoded.
    """
    return Sound(path, facts, max(0, start_us), end_us)


def _pass(path: bytes, facts: Facts, row: _Row, report: SoundReport) -> Generator[SoundPiece, None, None]:
    """Starts a little before the range where the container can seek, else at the beginning."""
    for seek_us in _starting_points(facts, row.start_us):
        with opened(path, facts.container, max_pixels=FRAME_PIXELS_LIMIT) as container:
            stream = choose(container).audio
            if stream is None or stream.time_base is None:
                return
            hearing = Hearing(container, stream, facts, report)
            if seek_us is not None and not hearing.seek(seek_us):
                continue
            heard = hearing.frames()
            first = next(heard, None)
            if seek_us is not None and (first is None or first.at_us is None or first.at_us > row.start_us):
                continue
            if first is None and report.damaged:
                raise DamagedFile("nothing of its sound can be decoded; copy the file again from its source")
            if first is not None:
                yield from row.laid(first, heard, facts)
            if row.end_us is None:
                stated_us = hearing.stated_end_us
                report.ended_early = report.decoded_until_us + EARLY_END_US < stated_us
        return


def _starting_points(facts: Facts, start_us: int) -> Iterator[int | None]:
    early_us = start_us - PREROLL_US
    if (
        facts.container in SOUND_SEEKABLE
        and not facts.clock_breaks
        and early_us > (facts.audio_offset_us or 0)
    ):
        yield early_us
    yield None


class _Row:
    """The even row of samples that begins at `start_us`: decoded frames are laid on it at their times."""

    def __init__(self, start_us: int, end_us: int | None, report: SoundReport) -> None:
        self.start_us, self.end_us = start_us, end_us
        self._wanted = None if end_us is None else max(0, _samples(end_us - start_us))
        self._report = report
        self._laid = 0  # samples given out or about to be
        self._skip = 0  # samples of the run to leave out: they lie before the row, or were heard already
        self._run_us = 0.0  # when the run of unbroken sound began
        self._heard = 0  # samples of the run, as the file has them
        self._shift_us = 0.0  # added to times since the clock was found to start over
        self._drift_us = 0.0
        self._mixer: Mixer | None = None

    def laid(self, first: Heard, rest: Iterator[Heard], facts: Facts) -> Iterator[SoundPiece]:
        """The pieces of the row."""
        waiting: list[Samples] = []
        count = done = 0
        for samples in self._stretches(first, rest, facts):
            waiting.append(samples)
            count += len(samples)
            while count >= PIECE_SAMPLES:
                joined = np.concatenate(waiting)
                yield self._piece(done, joined[:PIECE_SAMPLES])
                done += PIECE_SAMPLES
                waiting, count = [joined[PIECE_SAMPLES:]], len(joined) - PIECE_SAMPLES
        if count:
            yield self._piece(done, np.concatenate(waiting))

    def _piece(self, done: int, samples: Samples) -> SoundPiece:
        return SoundPiece(start_us=self.start_us + done * MICROSECONDS // RATE_HZ, samples=samples)

    def _stretches(self, first: Heard, rest: Iterator[Heard], facts: Facts) -> Iterator[Samples]:
        for heard in _chained(first, rest):
            if self._wanted is not None and self._laid >= self._wanted:
                return
            yield from self._kept(self._placed(heard, facts))
            if self._mixer is None or not self._mixer.takes(heard.frame):
                yield from self._kept(self._ended_run())
                self._mixer = Mixer(heard.frame)
            yield from self._kept(self._mixer.mixed(heard.frame))
            self._heard += heard.frame.samples
            self._report.decoded_until_us = max(self._report.decoded_until_us, int(self._expected_us()))
        yield from self._kept(self._ended_run())

    def _placed(self, heard: Heard, facts: Facts) -> Iterator[Samples]:
        """Begins a new run where the frame does not join the one before; gives what lies in between."""
        rate_hz = heard.frame.sample_rate
        if self._mixer is None:
            at_us = facts.audio_offset_us or 0 if heard.at_us is None else heard.at_us
            yield from self._new_run(float(at_us))
            return
        if self._mixer.rate_hz != rate_hz:
            yield from self._new_run(self._expected_us())
        if heard.at_us is None:
            return
        expected_us = self._expected_us()
        off_us = heard.at_us + self._shift_us - expected_us
        if self._is_other_clock(off_us, expected_us + off_us, facts):
            self._shift_us -= off_us
            off_us = 0.0
        if abs(off_us) > STEP_US:
            yield from self._new_run(expected_us + off_us)
            return
        self._drift_us += (off_us - self._drift_us) / DRIFT_FRAMES
        if abs(self._drift_us) > DRIFT_US:
            yield from self._new_run(expected_us + self._drift_us)

    def _is_other_clock(self, off_us: float, at_us: float, facts: Facts) -> bool:
        """A jump back, or one that leads far out of the file, is a clock that was set, and no gap."""
        if off_us < -BACK_S * MICROSECONDS:
            return True
        beyond = facts.duration_us > 0 and at_us > facts.duration_us + MICROSECONDS
        return off_us > (FAR_US if beyond else AHEAD_S * MICROSECONDS)

    def _new_run(self, at_us: float) -> Iterator[Samples]:
        yield from self._ended_run()
        self._run_us, self._heard, self._drift_us = at_us, 0, 0.0
        begins = _samples(at_us - self.start_us)
        self._skip = max(0, self._laid - begins)
        missing = begins - self._laid
        if missing > 0:
            self._report.silence_us += missing * MICROSECONDS // RATE_HZ
        while missing > 0 and (self._wanted is None or self._laid < self._wanted):
            silence = np.zeros(min(missing, PIECE_SAMPLES), np.float32)
            missing -= len(silence)
            yield silence

    def _ended_run(self) -> Iterator[Samples]:
        if self._mixer is not None:
            yield from self._mixer.drained()
            self._mixer = None

    def _expected_us(self) -> float:
        """Where the run has come to."""
        rate_hz = RATE_HZ if self._mixer is None else self._mixer.rate_hz
        return self._run_us + self._heard * MICROSECONDS / rate_hz

    def _kept(self, stretches: Iterator[Samples]) -> Iterator[Samples]:
        """What of some samples belongs into the row."""
        for samples in stretches:
            skipped = min(self._skip, len(samples))
            self._skip -= skipped
            kept = samples[skipped:]
            if self._wanted is not None:
                kept = kept[: max(0, self._wanted - self._laid)]
            self._laid += len(kept)
            if len(kept):
                yield kept


def _samples(us: float) -> int:
    """Microseconds as samples of the row, to the nearest."""
    return round(us * RATE_HZ / MICROSECONDS)


def _chained(first: Heard, rest: Iterator[Heard]) -> Iterator[Heard]:
    yield first
    yield from rest
