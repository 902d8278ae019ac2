"""How a scene moves, from its small frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import STILL, Motion


class MotionMeter:
    """Samples a film's small frames a few times a second and sums them up per scene."""

    def add(self, at_us: int, small: NDArray[np.uint8], change: float) -> None:
        """Take in a frame."""

    def over(self, start_us: int, end_us: int) -> Motion:
        """The motion of [start_us, end_us)."""
        return STILL

    def forget(self, before_us: int) -> None:
        """Drop what lies before a boundary."""
