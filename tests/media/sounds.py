"""Makes little sound files of any layout, with any timestamps, and hears beeps in what comes back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from heimdex.entities import Facts
from heimdex.media.sound import RATE_HZ, Sound, SoundPiece

BLOCK = 1024  # samples


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A sound file. `samples` are (channels, n), -1 to 1; `jumps`: seconds added at that block."""

    samples: NDArray[np.float32]
    codec: str = "pcm_s16le"
    ending: str = "mkv"
    layout: str = "mono"
    rate_hz: int = 48_000
    form: str = "s16"
    jumps: dict[int, float] = field(default_factory=dict)
    muxing: tuple[tuple[str, str], ...] = ()
    bit_rate: int | None = None
    start_s: float = 0.0
    block: int = BLOCK  # samples written at a time, where the codec does not say


def record(recording: Recording, path: Path) -> bytes:
    """Writes the file and gives its path."""
    with av.open(str(path), "w", options=dict(recording.muxing)) as container:
        stream = container.add_stream(recording.codec, rate=recording.rate_hz)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = recording.layout
        stream.codec_context.format = recording.form
        if recording.bit_rate:
            stream.codec_context.bit_rate = recording.bit_rate
        block = stream.codec_context.frame_size or recording.block
        shift_s = recording.start_s
        for number, first in enumerate(range(0, recording.samples.shape[1], block)):
            shift_s += recording.jumps.get(number, 0.0)
            part = recording.samples[:, first : first + block]
            frame = _frame(recording, part)
            frame.pts = first + round(shift_s * recording.rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return os.fsencode(path)


def _frame(recording: Recording, part: NDArray[np.float32]) -> AudioFrame:
    values = part if recording.form.endswith("p") else part.T.reshape(1, -1)
    values = np.ascontiguousarray(values)
    if recording.form.startswith("s16"):
        whole = np.round(values * 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(whole, recording.form, recording.layout)
    else:
        frame = AudioFrame.from_ndarray(values, recording.form, recording.layout)
    frame.sample_rate = recording.rate_hz
    frame.time_base = Fraction(1, recording.rate_hz)
    return frame


def beeps(seconds: float, at_s: Sequence[float], *, rate_hz: int = 48_000) -> NDArray[np.float32]:
    """One channel, shape (1, n): a beep of 0.1 s and 1 kHz at each of these times, else silence."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    lit = np.zeros(len(time_s), bool)
    for begins_s in at_s:
        lit |= (time_s >= begins_s) & (time_s < begins_s + 0.1)
    return np.where(lit, 0.5 * np.cos(2 * np.pi * 1000 * time_s), 0).astype(np.float32)[None]


def onsets_us(samples: NDArray[np.float32], start_us: int = 0) -> list[int]:
    """When beeps begin: samples that are loud after 50 ms that were not."""
    loud = np.flatnonzero(np.abs(samples) > 0.1 * np.abs(samples).max())
    first = loud[np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 20]
    return [start_us + int(n) * 1_000_000 // RATE_HZ for n in first]


def joined(pieces: Sequence[SoundPiece]) -> NDArray[np.float32]:
    """All samples, after looking whether the pieces join."""
    for one, two in pairwise(pieces):
        assert one.end_us == two.start_us
    return np.concatenate([piece.samples for piece in pieces]) if pieces else np.zeros(0, np.float32)


def heard(path: bytes, facts: Facts, *, start_us: int = 0, end_us: int | None = None) -> NDArray[np.float32]:
    """The whole of a sound, or a range."""
    with Sound(path, facts, start_us, end_us) as source:
        return joined(list(source))
