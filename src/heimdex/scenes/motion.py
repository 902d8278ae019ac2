"""How a scene moves, from its small frames."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import STILL, Motion
from heimdex.scenes.likeness import UNRELATED, Luma, halved, likeness, luma, overlap, shift

EVERY_US = 700_000  # how often the camera's movement is measured
BASELINE_US = 120_000  # between two frames at least so far apart
FINEST_US = 4_000  # changes nearer together are kept as one, whatever rate a file claims
EDGE_US = 1_000_000  # no nearer to a scene's ends are its first and last view taken, where it is long enough
ROUNDS = 3  # of refining a displacement; each may move it by a whole pixel
CONTRAST = 30.0  # levels of mean deviation that frames are brought to before they are compared
STEADY_LEVELS = 4.0  # a pixel that fits worse than this counts for less: it moves by itself
STIFF = np.diag(np.array([1e-3, 1e-3, 1e-1], np.float32))  # what little slope there is decides nothing
LEAST_SLOPE = 1.0  # mean squared slope, levels², below which a picture has nothing to hold on to


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sample:
    at_us: int
    until_us: int
    first: NDArray[np.uint8]
    pan: float
    tilt: float
    zoom: float


class MotionMeter:
    """Samples a film's small frames a few times a second and sums them up per scene."""

    def __init__(self) -> None:
        self._at_us: list[int] = []
        self._change: list[float] = []
        self._samples: list[_Sample] = []
        self._open: tuple[int, NDArray[np.uint8]] | None = None
        self._due_us: int | None = None

    def add(self, at_us: NDArray[np.int64], small: NDArray[np.uint8], change: NDArray[np.float32]) -> None:
        """Take in frames: times, small frames (n, 36, 64, 3), and change from the frame before, 0-255."""
        times = at_us.tolist()
        for at, changed in zip(times, change.tolist(), strict=True):
            if self._at_us and at - self._at_us[-1] < FINEST_US:
                self._change[-1] += changed
            else:
                self._at_us.append(at)
                self._change.append(changed)
        for row, at in enumerate(times):
            if self._open is not None and at - self._open[0] >= BASELINE_US:
                self._samples.append(_measured(self._open, (at, small[row])))
                self._open = None
            if self._open is None and (self._due_us is None or at >= self._due_us):
                self._open = (at, small[row].copy())
                self._due_us = at + EVERY_US

    def over(self, start_us: int, end_us: int) -> Motion:
        """The motion of the scene [start_us, end_us): medians over its samples."""
        low, high = bisect_left(self._at_us, start_us), bisect_left(self._at_us, end_us)
        inside = [s for s in self._samples if start_us <= s.at_us and s.until_us < end_us]
        if high - low < 2:
            return STILL
        span_s = (self._at_us[high - 1] - self._at_us[low]) / 1e6
        energy = sum(self._change[low + 1 : high]) / 255 / max(span_s, 1e-3)
        if not inside:
            return Motion(energy=energy, pan=0.0, tilt=0.0, zoom=0.0, change=0.0)
        pan, tilt, zoom = np.median([(s.pan, s.tilt, s.zoom) for s in inside], axis=0).tolist()
        change = _change(inside, start_us, end_us)
        return Motion(energy=energy, pan=pan, tilt=tilt, zoom=zoom, change=change)

    def forget(self, before_us: int) -> None:
        """Drop what lies before a boundary."""
        low = bisect_left(self._at_us, before_us)
        del self._at_us[:low], self._change[:low]
        self._samples = [s for s in self._samples if s.at_us >= before_us]


def _change(samples: list[_Sample], start_us: int, end_us: int) -> float:
    """How much the last view differs from the first, 0-1, fades at the ends left out."""
    edge_us = min(EDGE_US, (end_us - start_us) // 5)
    clear = [s for s in samples if start_us + edge_us <= s.at_us < end_us - edge_us] or samples
    alike = likeness(clear[0].first, clear[-1].first)
    return min(1.0, max(0.0, (1 - alike) / (1 - UNRELATED)))


def _measured(first: tuple[int, NDArray[np.uint8]], second: tuple[int, NDArray[np.uint8]]) -> _Sample:
    seconds = (second[0] - first[0]) / 1e6
    frames = [halved(luma(small)) for _, small in (first, second)]
    down, across, scale = displacement(*frames)
    height, width = frames[0].shape
    return _Sample(
        at_us=first[0],
        until_us=second[0],
        first=first[1],
        pan=across / width / seconds,
        tilt=down / height / seconds,
        zoom=scale / seconds,
    )


def displacement(first: Luma, second: Luma) -> tuple[float, float, float]:
    """How the camera went between two (18, 32) frames: pixels down, pixels right, natural log of the scale.

    A whole-pixel search, then least squares on the slopes (Lucas and Kanade 1981, with a common divergence as
    third unknown, after Bergen et al. 1992), weighted so that what moves by itself counts less.
    """
    down, across = shift(first, second)
    best = 0.0, 0.0, 0.0
    for _ in range(ROUNDS):
        step = _refined(first, second, down, across)
        if step is None:
            return 0.0, 0.0, 0.0
        best = down + step[0], across + step[1], step[2]
        nudge = round(min(1.0, max(-1.0, step[0]))), round(min(1.0, max(-1.0, step[1])))
        if nudge == (0, 0) or abs(down + nudge[0]) > 5 or abs(across + nudge[1]) > 9:
            break
        down, across = down + nudge[0], across + nudge[1]
    return best


def _refined(first: Luma, second: Luma, down: int, across: int) -> tuple[float, float, float] | None:
    """What is left of the displacement after a whole-pixel shift; None where nothing can be told."""
    height, width = first.shape
    left = _soft(first[overlap(height, width, down, across)])
    right = _soft(second[overlap(height, width, -down, -across)])
    left, right = _evened(left), _evened(right)
    mean = (left + right) / 2
    slope_y, slope_x = np.gradient(mean)
    if float((slope_y * slope_y + slope_x * slope_x).mean()) < LEAST_SLOPE:
        return None
    rows = np.arange(mean.shape[0], dtype=np.float32)[:, None] - (height - 3) / 2 + max(0, -down)
    columns = np.arange(mean.shape[1], dtype=np.float32)[None, :] - (width - 3) / 2 + max(0, -across)
    slopes = np.stack([slope_y, slope_x, slope_y * rows + slope_x * columns]).reshape(3, -1)
    target = (right - left).reshape(-1)
    answer = np.linalg.solve(slopes @ slopes.T + STIFF, slopes @ target)
    misfit = (target - answer @ slopes) / STEADY_LEVELS
    weighted = slopes / (1 + misfit * misfit)
    answer = np.linalg.solve(weighted @ slopes.T + STIFF, weighted @ target)
    return float(answer[0]), float(answer[1]), -float(np.log1p(max(-0.5, answer[2])))


def _evened(frame: Luma) -> Luma:
    """Without its mean and at a common contrast: flicker and exposure are no movement."""
    centred = frame - frame.mean()
    evened: Luma = centred * (CONTRAST / (np.abs(centred).mean() + 1))
    return evened


def _soft(frame: Luma) -> Luma:
    """Smoothed by 1-2-1 both ways, a pixel less on each side: sampling noise has no slope to follow."""
    tall = frame[:-2] + 2 * frame[1:-1] + frame[2:]
    soft: Luma = (tall[:, :-2] + 2 * tall[:, 1:-1] + tall[:, 2:]) / np.float32(16)
    return soft
