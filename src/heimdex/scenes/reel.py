"""The recent frames of a film as arrays, with what is measured on every one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import SMALL_HEIGHT, SMALL_WIDTH, Frame
from heimdex.scenes.likeness import Luma, halved, luma

CHUNK_FRAMES = 32  # measured together: numpy's cost per call is shared
CHUNK_US = 1_000_000  # and never further apart than this, so that slow films settle as soon
TINY = (SMALL_HEIGHT // 4) * (SMALL_WIDTH // 4)
SPREAD_PART = 0.08
CAPTION = 4.0  # levels of mean deviation: with more, what stands on a blank is a page of writing, a picture
WRITING = 2.5  # levels of spread that a level of such deviation is worth, as in most pictures
COLUMNS = ("at_us", "end_us", "small", "change", "brightening", "level", "spread", "tiny")


class Reel:
    """A window onto a film: arrays that grow at the end and are forgotten from the front.

    One row per frame, float32 levels 0-255 where nothing else is said:

    - `at_us`, `end_us`: int64
    - `small`: uint8 (n, 36, 64, 3)
    - `change`: mean absolute difference from the frame before; 0 for the film's first
    - `brightening`: the part of it by which the whole picture got brighter or darker
    - `level`: mean brightness
    - `spread`: how far apart the darkest and the brightest SPREAD_PART of the pixels are; a caption leaves it
      at nothing, a page of writing does not
    - `tiny`: (n, 144), brightness of 9 × 16 blocks against their mean
    """

    def __init__(self) -> None:
        self.at_us = np.empty(0, np.int64)
        self.end_us = np.empty(0, np.int64)
        self.small = np.empty((0, SMALL_HEIGHT, SMALL_WIDTH, 3), np.uint8)
        self.change = np.empty(0, np.float32)
        self.brightening = np.empty(0, np.float32)
        self.level = np.empty(0, np.float32)
        self.spread = np.empty(0, np.float32)
        self.tiny = np.empty((0, TINY), np.float32)
        self._times: list[tuple[int, int]] = []
        self._smalls: list[NDArray[np.uint8]] = []

    def __len__(self) -> int:
        return len(self.at_us)

    def add(self, frame: Frame) -> bool:
        """Take a frame in; True when a chunk is full and `measure` should be called."""
        self._times.append((frame.at_us, frame.end_us))
        self._smalls.append(frame.small)
        return len(self._times) >= CHUNK_FRAMES or frame.end_us - self._times[0][0] >= CHUNK_US

    def measure(self) -> None:
        """Measure the frames added since the last time."""
        if not self._times:
            return
        times = np.array(self._times, np.int64)
        fresh = np.stack(self._smalls)
        before = np.concatenate([self.small[-1:] if len(self) else fresh[:1], fresh[:-1]])
        bright = luma(fresh[:, ::2, ::2])
        flat = bright.reshape(len(fresh), -1)
        low, high = int(flat.shape[1] * SPREAD_PART), int(flat.shape[1] * (1 - SPREAD_PART))
        parted = np.partition(flat, (low, high), axis=1)
        rows = (
            times[:, 0],
            times[:, 1],
            fresh,
            _mean(np.maximum(fresh, before) - np.minimum(fresh, before)),
            np.abs(_mean(fresh) - _mean(before)),
            flat.mean(axis=1),
            np.maximum(parted[:, high] - parted[:, low], _written(flat)),
            _centred(halved(bright).reshape(len(fresh), TINY)),
        )
        for name, row in zip(COLUMNS, rows, strict=True):
            setattr(self, name, np.concatenate([getattr(self, name), row]))
        self._times.clear()
        self._smalls.clear()

    def forget(self, count: int) -> None:
        """Drop the oldest `count` frames."""
        for name in COLUMNS:
            setattr(self, name, getattr(self, name)[count:])

    def luma(self, index: int) -> Luma:
        """Brightness of one frame, (36, 64); an index outside is taken as the nearest inside."""
        return luma(self.small[min(max(index, 0), len(self) - 1)])

    def index_at(self, at_us: int) -> int:
        """The last frame that begins no later than `at_us`, or the first."""
        return max(0, int(self.at_us.searchsorted(at_us, side="right")) - 1)


def _mean(smalls: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean of each; sums of integers are several times faster than numpy's mean."""
    sums = smalls.reshape(len(smalls), -1).sum(axis=1, dtype=np.uint32)
    means: NDArray[np.float32] = sums.astype(np.float32) / np.float32(SMALL_HEIGHT * SMALL_WIDTH * 3)
    return means


def _centred(tiny: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row less its mean."""
    centred: NDArray[np.float32] = tiny - tiny.mean(axis=1, keepdims=True)
    return centred


def _written(flat: Luma) -> NDArray[np.float32]:
    """The spread that writing is worth, for brightness (n, pixels); 0 for no more than a caption."""
    deviation = np.abs(flat - flat.mean(axis=1, keepdims=True)).mean(axis=1)
    return np.where(deviation > CAPTION, WRITING * deviation, 0).astype(np.float32)
