"""The jobs of the stage `writing` with a reader that a film's pictures tell what to do.

A test names this module in place of the real one. The upper left corner of a picture is the sign: red ends
the process, blue makes the reader fail, yellow keeps it busy; any other has one line, which says how light
its corner is.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache

from heimdex.entities import Picture
from heimdex.errors import ModelError
from heimdex.extractors.rapid_ocr import ReaderOptions
from heimdex.extractors.writing import Reader, ReadLine
from heimdex.pipeline import read_writing
from heimdex.pipeline.read_writing import read_film, read_still

__all__ = ["read_film", "read_still", "warm"]

RED, BLUE, YELLOW = (200, 0, 0), (0, 0, 200), (200, 200, 0)
BUSY_S = 60.0


class FakeReader(Reader):
    def read(self, picture: Picture) -> list[ReadLine]:
        red, green, blue = (int(value) > 100 for value in picture[4:12, 4:12].mean(axis=(0, 1)))
        if red and not green and not blue:
            os._exit(3)
        if blue and not red:
            raise ModelError("this picture cannot be read")
        if red and green and not blue:
            time.sleep(BUSY_S)
        level = round(float(picture[4:12, 4:12].mean()) / 40)
        corner = ((0.0, 0.0), (60.0, 0.0), (60.0, 20.0), (0.0, 20.0))
        return [ReadLine(text="step " + "abcdefg"[level] * 5, quad=corner, confidence=0.9)]


@lru_cache(maxsize=1)
def _reader(options: ReaderOptions) -> Reader:
    return FakeReader()


def warm(*_: object) -> None:
    """Nothing has to be loaded."""


read_writing.warm_reader = _reader  # this process is a worker of a test
