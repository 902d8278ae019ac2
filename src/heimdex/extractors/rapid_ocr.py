"""Writing read by RapidOCR with the PP-OCR weights that come in its package.

RapidOCR's detector, recogniser and cropping are used as they are. Three things differ from its own pipeline:
the graphs run in our sessions, in a few sizes only (with every size of its own OpenVINO keeps growing); lines
are cut from the full picture; a line that is hard to read is tried upside down instead of asking the
classifier about each. Nothing is ever downloaded: weights that are not in the package are an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Picture
from heimdex.errors import ModelError
from heimdex.extractors.alphabets import LEFTWARDS, Alphabet, LineReading, is_settled, logical, whose
from heimdex.extractors.rapid_graphs import (
    LINE_HEIGHT,
    LINE_WIDTHS,
    NAME,
    Graph,
    Lines,
    config,
    engine,
    fingerprint,
    lines_of,
    shipped_file,
)
from heimdex.extractors.views import SHAPES, Quads, View, bounds, united, views
from heimdex.extractors.writing import Reader, ReadLine, is_writing, tidied
from heimdex.inference.session import Precision, SessionOptions

__all__ = ["NAME", "RapidReader", "ReaderOptions", "fingerprint"]

HIGH = (
    2 * LINE_HEIGHT
)  # px; higher lines are made smaller smoothly before the recogniser takes every n-th pixel
LEAST_CERTAIN = 0.4  # that there is a line at all; what is none is left out once it was read
MOST_LINES = 400  # of one picture; a page of a newspaper has about as many
DOUBTFUL = 0.9  # of confidence: such a line is tried upside down
CLEARLY = 0.1  # so much surer it has to be read then


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderOptions:
    """How much of the machine reading may take."""

    threads: int = 2
    precision: Precision = "auto"
    alphabets: tuple[Alphabet, ...] = ()  # read beside those the shipped weights know


class RapidReader(Reader):
    """PP-OCR on this machine's processor. Loaded when it is made."""

    def __init__(self, options: ReaderOptions) -> None:
        """Raises ModelUnavailable, WeightsCorrupt, ModelError."""
        settings = config()
        import cv2
        from rapidocr.ch_ppocr_det import TextDetector
        from rapidocr.ch_ppocr_det import main as detecting
        from rapidocr.ch_ppocr_rec import TextRecInput
        from rapidocr.utils.process_img import get_rotate_crop_image

        cv2.setNumThreads(options.threads)
        self._cv2, self._crop, self._input = cv2, get_rotate_crop_image, TextRecInput
        settings.Det.limit_type, settings.Det.limit_side_len = "max", max(map(max, SHAPES))
        settings.Det.box_thresh = LEAST_CERTAIN
        settings.Rec.font_path = None  # of pictures of its results, which nobody draws here
        settings.Rec.rec_batch_num = 1  # one line after the other is as quick, and takes less memory
        session = SessionOptions(
            precision=options.precision, threads=options.threads, requests=1, batches=(1,)
        )
        with engine(detecting, Graph(shipped_file(settings.Det), session)):
            self._detect = TextDetector(settings.Det)
        self._shipped = _recogniser(settings, Lines(shipped_file(settings.Rec), session))
        self._others = [
            (alphabet, _recogniser(settings, lines_of(alphabet, session))) for alphabet in options.alphabets
        ]

    def read(self, picture: Picture) -> list[ReadLine]:
        """The lines in a picture; see Reader.read."""
        swapped = np.ascontiguousarray(picture[:, :, ::-1])  # the weights were trained on BGR
        try:
            quads = self._lines(swapped)
            return list(self._read(swapped, quads))
        except self._cv2.error as err:
            raise ModelError(f"Writing cannot be read from this picture: {err}") from err

    def _lines(self, picture: Picture) -> Quads:
        """Where lines are, in px of the picture, from top to bottom."""
        height, width = picture.shape[:2]
        found = []
        for view in views(width, height):
            quads = self._found(picture, view)
            found.append(quads[view.whole(quads, width, height)])
        quads = united(found)[:MOST_LINES]
        return quads[np.lexsort((quads[:, 0, 0], quads[:, 0, 1]))]

    def _found(self, picture: Picture, view: View) -> Quads:
        part = picture[view.top : view.bottom, view.left : view.right]
        height, width = part.shape[:2]
        size = (max(1, round(width * view.scale)), max(1, round(height * view.scale)))
        method = self._cv2.INTER_AREA if view.scale < 1 else self._cv2.INTER_CUBIC
        shown = np.zeros((*view.shape, 3), np.uint8)
        shown[: size[1], : size[0]] = self._cv2.resize(part, size, interpolation=method)[
            : view.shape[0], : view.shape[1]
        ]
        boxes = self._detect(shown).boxes
        if boxes is None:
            return np.zeros((0, 4, 2), np.float32)
        quads = view.back(np.asarray(boxes, np.float32))
        limits = np.array([picture.shape[1] - 1, picture.shape[0] - 1], np.float32)
        quads = quads.clip(0, limits)
        sides = bounds(quads)[:, 2:] - bounds(quads)[:, :2]
        kept: Quads = quads[(sides >= 2).all(axis=1)]
        return kept

    def _read(self, picture: Picture, quads: Quads) -> Iterator[ReadLine]:
        for quad in quads:
            strip = self._strip(picture, quad)
            if strip is None:
                continue
            reading = self._reading(strip)
            if reading.confidence < DOUBTFUL:
                turned = self._reading(np.ascontiguousarray(strip[::-1, ::-1]))
                if turned.confidence > reading.confidence + CLEARLY:
                    reading = turned
            if is_writing(reading.text, reading.confidence):
                corners = tuple((float(x), float(y)) for x, y in quad)
                yield ReadLine(text=reading.text, quad=corners, confidence=reading.confidence)

    def _reading(self, strip: Picture) -> LineReading:
        """A line by the recogniser that has the letters for it."""
        shipped = self._by(self._shipped, strip)
        if not self._others or is_settled(shipped):
            return shipped
        return whose(shipped, [(alphabet, self._by(one, strip, alphabet)) for alphabet, one in self._others])

    def _by(self, recogniser: Any, strip: Picture, alphabet: Alphabet | None = None) -> LineReading:
        found: Any = recogniser(self._input(img=[strip], return_word_box=False))
        text = tidied(found.txts[0])
        if alphabet is not None and alphabet.script in LEFTWARDS:
            text = logical(text)
        return LineReading(text=text, confidence=min(max(float(found.scores[0]), 0.0), 1.0))

    def _strip(self, picture: Picture, quad: NDArray[np.float32]) -> Picture | None:
        """A line cut from the picture and laid straight; one that stands is laid on its side."""
        strip: Any = self._crop(picture, quad.copy())
        height, width = strip.shape[:2]
        if min(height, width) < 2:
            return None
        high, wide = min(height, HIGH), width * min(height, HIGH) / height
        wide = min(wide, high * LINE_WIDTHS[-1] / LINE_HEIGHT)
        if (high, round(wide)) != (height, width):
            size = (max(2, math.floor(wide)), high)
            strip = self._cv2.resize(strip, size, interpolation=self._cv2.INTER_AREA)
        straight: Picture = strip
        return straight


def _recogniser(settings: Any, graph: Lines) -> Any:
    """RapidOCR's recogniser on a graph of ours."""
    from rapidocr.ch_ppocr_rec import TextRecognizer
    from rapidocr.ch_ppocr_rec import main as recognising

    with engine(recognising, graph):
        return TextRecognizer(deepcopy(settings.Rec))
