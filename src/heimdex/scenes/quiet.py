"""Recordings without pictures are divided where they are quietest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Scene

BIN_US = 20_000
CALM_BINS = 15  # 0.3 s: shorter than a pause between sentences, longer than one between words
FLOOR = 1e-10  # mean square; -100 dB, below the noise of 16 bits
QUIET_DB = 3.0  # what is no louder than this above the quietest place is as quiet
EARLIEST = 1 / 2  # of the longest scene: it is divided no sooner
REMAINDER_US = 5_000_000  # no scene at the end is shorter, where that can be had


@dataclass(frozen=True, kw_only=True, slots=True)
class QuietOptions:
    """How long a scene may be, and how the samples are spaced."""

    longest_us: int = 30_000_000
    rate_hz: int = 16_000


def divide(blocks: Iterable[NDArray[np.float32]], options: QuietOptions | None = None) -> Iterator[Scene]:
    """The scenes of a recording, in order and without gaps, from 0 to its end.

    `blocks` are its samples from time 0 on: mono, float32, shape (n,), in blocks of any length. A scene is
    at most `longest_us` long and, but for the last, at least half of that. Between these it ends in the
    middle of the longest stretch that is as quiet as the quietest 0.3 s there (within 3 dB); where all of it
    is, as late as it may. Only the loudness of the last scene is held. No samples, no scenes.
    """
    options = options or QuietOptions()
    loudness = _Loudness(options.rate_hz)
    ahead = options.longest_us + REMAINDER_US
    start_us = position = 0
    for block in blocks:
        loudness.add(block)
        while loudness.end_us - start_us > ahead:
            end_us = _quietest(loudness, start_us, options.longest_us, loudness.end_us)
            yield Scene(position=position, start_us=start_us, end_us=end_us)
            loudness.forget(end_us)
            start_us, position = end_us, position + 1
    loudness.close()
    while loudness.end_us - start_us > options.longest_us:
        end_us = _quietest(loudness, start_us, options.longest_us, loudness.end_us - REMAINDER_US)
        yield Scene(position=position, start_us=start_us, end_us=end_us)
        start_us, position = end_us, position + 1
    if loudness.end_us > start_us:
        yield Scene(position=position, start_us=start_us, end_us=loudness.end_us)


class _Loudness:
    """The mean square of each BIN_US of sound that was not forgotten yet."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._bin_samples = rate_hz * BIN_US // 1_000_000
        self._rest = np.zeros(0, np.float32)
        self._count = 0
        self._first_us = 0
        self._bins: list[float] = []

    @property
    def end_us(self) -> int:
        """How long the sound is so far."""
        return self._count * 1_000_000 // self._rate_hz

    def add(self, block: NDArray[np.float32]) -> None:
        self._count += len(block)
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // self._bin_samples * self._bin_samples
        shaped = samples[:whole].reshape(-1, self._bin_samples).astype(np.float64)
        self._bins += (shaped**2).mean(axis=1).tolist()
        self._rest = samples[whole:]

    def close(self) -> None:
        """The last bin may be short."""
        if len(self._rest):
            self._bins.append(float((self._rest.astype(np.float64) ** 2).mean()))
            self._rest = self._rest[:0]

    def forget(self, before_us: int) -> None:
        gone = max(0, (before_us - self._first_us) // BIN_US)
        del self._bins[:gone]
        self._first_us += gone * BIN_US

    def decibels(self, from_us: int, until_us: int) -> NDArray[np.float64]:
        """How loud it is around each bin of a stretch, in dB, each over CALM_BINS."""
        first = (from_us - self._first_us) // BIN_US
        last = (until_us - self._first_us) // BIN_US
        half = CALM_BINS // 2
        low, high = max(0, first - half), min(len(self._bins), last + half)
        means = np.pad(
            np.array(self._bins[low:high]), (half - (first - low), half - (high - last)), mode="edge"
        )
        smooth = np.convolve(means, np.full(CALM_BINS, 1 / CALM_BINS), "valid")
        found: NDArray[np.float64] = 10 * np.log10(np.maximum(smooth, FLOOR))
        return found


def _quietest(loudness: _Loudness, start_us: int, longest_us: int, latest_us: int) -> int:
    """Where in the second half of its longest length the scene that begins at `start_us` is to end."""
    from_us = _on_bin(start_us + int(longest_us * EARLIEST))
    until_us = max(from_us + BIN_US, _on_bin(min(start_us + longest_us, latest_us)))
    around = loudness.decibels(from_us, until_us)
    quiet = np.concatenate([[False], around <= around.min() + QUIET_DB, [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - begins))
    if ends[longest] - begins[longest] == len(around):
        return until_us
    return from_us + int(begins[longest] + ends[longest]) // 2 * BIN_US


def _on_bin(us: int) -> int:
    return us // BIN_US * BIN_US
