"""Figures about a whole library, which cost too much to count anew for every search."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SHARE = 0.01  # of the time that counting may take


class Figure(Generic[T]):
    """A figure that is counted when first asked for, and again no sooner than it costs SHARE of the time.

    In a small library, where counting takes a millisecond, it is never older than a tenth of a second.
    """

    def __init__(self) -> None:
        self._counted: tuple[T, float] | None = None  # the figure, and when it is due again

    def get(self, count: Callable[[], T]) -> T:
        """The figure, counted by `count` where there is none yet or it is due again."""
        counted = self._counted
        began_s = time.monotonic()
        if counted is not None and began_s < counted[1]:
            return counted[0]
        figure = count()
        ended_s = time.monotonic()
        self._counted = figure, ended_s + (ended_s - began_s) / SHARE
        return figure
