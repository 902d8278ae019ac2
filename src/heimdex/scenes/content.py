"""A detector that adapts to what it sees: cuts, fades and dissolves from small frames, in one pass.

Where a boundary lies: a hard cut at the first frame of the new shot; a fade through black or white in the
middle of its darkest (whitest) stretch, or at its abrupt side where it has one; a dissolve at its middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from heimdex.entities import Frame, Scene
from heimdex.scenes.detector import Detector
from heimdex.scenes.division import Divider
from heimdex.scenes.motion import MotionMeter
from heimdex.scenes.reel import Reel
from heimdex.scenes.transitions import Transitions


@dataclass(frozen=True, kw_only=True)
class ContentOptions:
    """What counts as a scene."""

    shortest_us: int = 600_000  # a boundary nearer than this to the one before, or to the end, is none
    longest_us: int = 30_000_000  # a longer shot is divided at its calmest points


class ContentDetector(Detector):
    """Cuts, fades and dissolves; flashes, flicker, camera moves and passing objects are none of them."""

    def __init__(self, options: ContentOptions | None = None):
        self.options = options or ContentOptions()

    def detect(self, frames: Iterable[Frame]) -> Iterator[Scene]:
        """Yield the scenes; see Detector.detect. A scene is yielded some 2 s of film after its end."""
        film = _Film(self.options)
        for frame in frames:
            if film.reel.add(frame):
                yield from film.settle(ended=False)
        yield from film.settle(ended=True)


class _Film:
    """One film on its way through the detector."""

    def __init__(self, options: ContentOptions):
        self.reel = Reel()
        self._options = options
        self._transitions = Transitions(self.reel, options.shortest_us)
        self._divider = Divider(options.longest_us)
        self._motion = MotionMeter()
        self._measured = 0  # rows of the reel that motion and divider have seen
        self._position = 0
        self._start_us: int | None = None

    def settle(self, *, ended: bool) -> Iterator[Scene]:
        """Measure what is new and yield every scene whose end is known by it."""
        reel = self.reel
        reel.measure()
        if not len(reel):
            return
        if self._start_us is None:
            self._start_us = int(reel.at_us[0])
        fresh = slice(self._measured, None)
        self._motion.add(reel.at_us[fresh], reel.small[fresh], reel.change[fresh])
        self._divider.add(reel.at_us[fresh], reel.change[fresh])
        self._measured = len(reel)
        for boundary_us in self._transitions.settled(ended=ended):
            yield from self._until(boundary_us)
        yield from self._divide(self._transitions.certain_us)
        if ended:
            yield from self._until(int(reel.end_us[-1]))
        self._measured -= self._transitions.forget()

    def _divide(self, until_us: int) -> Iterator[Scene]:
        assert self._start_us is not None
        while (point_us := self._divider.point(self._start_us, until_us)) is not None:
            yield self._scene(point_us)

    def _until(self, boundary_us: int) -> Iterator[Scene]:
        yield from self._divide(boundary_us)
        yield self._scene(boundary_us)

    def _scene(self, end_us: int) -> Scene:
        assert self._start_us is not None
        motion = self._motion.over(self._start_us, end_us)
        scene = Scene(position=self._position, start_us=self._start_us, end_us=end_us, motion=motion)
        self._position += 1
        self._start_us = end_us
        self._divider.forget(end_us)
        self._motion.forget(end_us)
        return scene
