"""The interface of everything that finds scenes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from heimdex.entities import Frame, Scene


class Detector(ABC):
    """Finds the shots of one film. One instance may serve many films, one after another or side by side."""

    @abstractmethod
    def detect(self, frames: Iterable[Frame]) -> Iterator[Scene]:
        """Yield the scenes of one film in order, each as soon as its end is settled.

        `frames` are one film's, in presentation order; they are pulled lazily and only their `at_us`,
        `end_us` and `small` are read, and no Frame is held. The scenes are half-open, numbered 0, 1, 2 …, and
        without gaps from the first frame's `at_us` to the last frame's `end_us`; every scene starts at some
        frame's `at_us`. No frames, no scenes. Memory is bounded whatever the length of the film, and a scene
        is yielded within seconds of film time after its end, except where a long shot is being divided.
        """
