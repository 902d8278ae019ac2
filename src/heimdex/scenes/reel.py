"""The recent frames of a film as arrays, with what is measured on every one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import SMALL_HEIGHT, SMALL_WIDTH, Frame
from heimdex.scenes.likeness import Luma, luma

TINY = (SMALL_HEIGHT // 4) * (SMALL_WIDTH // 4)
CHUNK_FRAMES = 16  # measured together: numpy's cost per call is shared
CHUNK_US = 500_000  # and never further apart than this, so that slow films settle as soon


class Reel:
    """A window onto a film: arrays that grow at the end and are forgotten from the front.

    Attributes (one row per frame): `at_us`, `end_us` int64; `small` uint8 (n, 36, 64, 3); `change` float32,
    mean absolute difference from the frame before, 0-255 (0 for the film's first); `brightening` float32, the part of it by which the whole picture got brighter or darker; `level` and `contrast`
    float32, mean and mean absolute deviation of brightness, 0-255; `tiny` float32 (n, 144), brightness of 9 × 16 blocks.
    """

    def __init__(self) -> None:
        self.at_us = np.empty(0, np.int64)
        self.end_us = np.empty(0, np.int64)
        self.small = np.empty((0, SMALL_HEIGHT, SMALL_WIDTH, 3), np.uint8)
        self.change = np.empty(0, np.float32)
        self.level = np.empty(0, np.float32)
        self.brightening = np.empty(0, np.float32)
        self._mean = np.empty(0, np.float32)
        self.contrast = np.empty(0, np.float32)
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
        change = (np.maximum(fresh, before) - np.minimum(fresh, before)).reshape(len(fresh), -1)
        bright = luma(fresh[:, ::2, ::2]).reshape(len(fresh), -1)
        level = bright.mean(axis=1)
        self.at_us = np.concatenate([self.at_us, times[:, 0]])
        self.end_us = np.concatenate([self.end_us, times[:, 1]])
        self.small = np.concatenate([self.small, fresh])
        self.change = np.concatenate([self.change, change.mean(axis=1, dtype=np.float32)])
        self.level = np.concatenate([self.level, level])
        mean = fresh.reshape(len(fresh), -1).mean(axis=1, dtype=np.float32)
        drift = np.diff(mean, prepend=self._mean if len(self.brightening) else mean[:1])
        self._mean = mean[-1:]
        self.brightening = np.concatenate([self.brightening, np.abs(drift)])
        self.contrast = np.concatenate([self.contrast, np.abs(bright - level[:, None]).mean(axis=1)])
        tiny = bright.reshape(-1, SMALL_HEIGHT // 4, 2, SMALL_WIDTH // 4, 2).mean(axis=(2, 4))
        self.tiny = np.concatenate([self.tiny, tiny.reshape(-1, TINY)])
        self._times.clear()
        self._smalls.clear()

    def forget(self, count: int) -> None:
        """Drop the oldest `count` frames."""
        for name in ("at_us", "end_us", "small", "change", "level", "brightening", "contrast", "tiny"):
            setattr(self, name, getattr(self, name)[count:])

    def luma(self, index: int) -> Luma:
        """Brightness of one frame, (36, 64); an index outside is taken as the nearest inside."""
        return luma(self.small[min(max(index, 0), len(self) - 1)])

    def index_at(self, at_us: int) -> int:
        """The last frame that begins no later than `at_us`, or the first."""
        return max(0, int(np.searchsorted(self.at_us, at_us, side="right")) - 1)
