"""Sounds without speech, and the one real recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.resampler import AudioResampler

from heimdex.extractors.recogniser import SAMPLE_RATE_HZ, Samples, microseconds

JFK = Path(__file__).resolve().parents[4] / "shared/data/jfk.flac"
SAID = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of a stream."""

    start_us: int
    samples: Samples


def pieces(samples: Samples, size: int, start_us: int = 0) -> Iterator[Piece]:
    """A sound in pieces of `size` samples."""
    for first in range(0, len(samples), size):
        yield Piece(start_us=start_us + microseconds(first), samples=samples[first : first + size])


def jfk() -> Samples:
    """The recording; skips where it is not there."""
    if not JFK.exists():
        pytest.skip(f"the recording {JFK.name} is not in {JFK.parent}")
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    with av.open(str(JFK)) as container:
        parts = [
            part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)
        ]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)


def noise(seconds: float, loudness: float = 0.1) -> Samples:
    """White noise."""
    chance = np.random.default_rng(5)
    return chance.normal(0, loudness, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def music(seconds: float) -> Samples:
    """Chords that change every half second, each note with overtones and an attack."""
    moment = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    attack = np.exp(-3 * (moment % 0.5))
    sound = np.zeros_like(moment)
    for number, (root, third, fifth) in enumerate(
        ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    ):
        here = (moment // 0.5) % 4 == number
        for note in (root, third, fifth):
            for overtone in (1, 2, 3):
                sound += here * np.sin(2 * np.pi * note * overtone * moment) / overtone
    return (0.08 * attack * sound).astype(np.float32)


def word_errors(said: list[str], heard: list[str]) -> float:
    """The word error rate: least insertions, deletions and replacements by the number of words said."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, start=1):
        above, row = row, [number]
        for place, other in enumerate(heard, start=1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (word != other)))
    return row[-1] / len(said)
