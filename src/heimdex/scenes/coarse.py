"""Scenes from the frames that others refer to, looked at closely only where that leaves a cut in doubt.

Decoding may leave out every frame that no other refers to. Encoders that see a cut begin a new group of
pictures there, and the frame before such a group is one that is referred to; so nearly every hard cut lies
between two frames that are neighbours in the full film, too, and is exact at once. The others are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Frame, Scene
from heimdex.scenes.detector import Detector

Reopen = Callable[[int, int], Iterable[Frame]]
"""`reopen(start_us, end_us)`: every frame shown at some moment of that stretch, in order."""

LEAST_RATE = 20.0  # frames a second below which too few frames are left: take the full pass
HARD_PART = 0.5  # of the change between two frames must come at once for a hard cut among those left out
OUTSTANDING = 1.5  # times the changes beside it: a jump
# A look-up decodes from the key frame before it: a second or so, and twenty in a minute cost what leaving out
# frames saves.
LOOKUP_EVERY_US, FREE_LOOKUPS = 3_000_000, 4
SLACK = 1.5  # frame lengths between two frames that are still neighbours


class TooManyLookups(Exception):
    """The cuts of a film lie between frames that are left out: divide it by a full pass."""


class CoarseDetector:
    """Another detector's scenes from a pass over referenced frames, hard cuts exact as in the full pass.

    Fades and dissolves keep the place the coarse pass gave them, which is inside them as well.
    """

    def __init__(self, detector: Detector, frame_rate: float):
        self._detector = detector
        self._frame_us = 1_000_000 / frame_rate

    def detect(self, frames: Iterable[Frame], reopen: Reopen) -> Iterator[Scene]:
        """Yield the scenes as Detector.detect does.

        `frames` are the referenced ones, each lasting to the next. Raises TooManyLookups where so many cuts
        had to be looked up that a full pass would have been quicker.
        """
        steps = _Steps()
        lookups = 0
        start_us: int | None = None
        for scene in self._detector.detect(steps.watch(frames)):
            end_us = scene.end_us
            before_us = steps.jump_before(end_us)
            if before_us is not None and end_us - before_us > SLACK * self._frame_us:
                lookups += 1
                if lookups > FREE_LOOKUPS + end_us / LOOKUP_EVERY_US:
                    raise TooManyLookups
                end_us = _exact(reopen(before_us, end_us + 1), before_us, end_us)
            yield replace(scene, start_us=scene.start_us if start_us is None else start_us, end_us=end_us)
            start_us = end_us


class _Steps:
    """The times of the frames that went by since the last boundary asked for, and how much each changed."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, float]] = []
        self._last: NDArray[np.int16] | None = None

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            small = frame.small[::2, ::2].astype(np.int16)
            change = 0.0 if self._last is None else float(np.abs(small - self._last).mean())
            self._last = small
            self._steps.append((frame.at_us, change))
            yield frame

    def jump_before(self, boundary_us: int) -> int | None:
        """The last frame before a boundary to which the picture jumps; None where it goes over by degrees."""
        index = next((n for n, (at, _) in enumerate(self._steps) if at >= boundary_us), len(self._steps))
        around = self._steps[max(1, index - 2) : index] + self._steps[index + 1 : index + 3]
        jumps = (
            0 < index < len(self._steps)
            and self._steps[index][0] == boundary_us
            and self._steps[index][1] > OUTSTANDING * max((change for _, change in around), default=0.0)
        )
        before_us = self._steps[index - 1][0] if jumps else None
        del self._steps[: max(0, index - 2)]
        return before_us


def _exact(frames: Iterable[Frame], before_us: int, boundary_us: int) -> int:
    """Where in (before_us, boundary_us] the picture jumps; boundary_us where it goes over by degrees."""
    inside = [frame for frame in frames if before_us <= frame.at_us <= boundary_us]
    if len(inside) < 2:
        return boundary_us
    smalls = np.stack([frame.small for frame in inside]).astype(np.int16)
    steps = np.abs(np.diff(smalls, axis=0)).mean(axis=(1, 2, 3))
    largest = int(steps.argmax())
    whole = float(np.abs(smalls[-1] - smalls[0]).mean())
    return inside[largest + 1].at_us if steps[largest] >= HARD_PART * whole else boundary_us
