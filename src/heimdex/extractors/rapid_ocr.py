"""Writing read by RapidOCR with the PP-OCR weights that come in its package.

RapidOCR's detector, recogniser and cropping are used as they are. Three things differ from its own pipeline:
the graphs run in our sessions, in a few sizes only (with every size of its own OpenVINO keeps growing); lines
are cut from the full picture; a line that is hard to read is tried upside down instead of asking the
classifier about each. Nothing is ever downloaded: weights that are not in the package are an error.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Picture
from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt
from heimdex.extractors.views import SHAPES, Quads, View, bounds, united, views
from heimdex.extractors.writing import Reader, ReadLine, is_writing, tidied
from heimdex.inference.openvino_runtime import read
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Array, Precision, SessionOptions
from heimdex.inference.weights import VerifiedFile

NAME = "starter-writing"
REINSTALL = "Install Heimdex again (`pip install --force-reinstall rapidocr`)."
LINE_HEIGHT = 48  # px, that lines are read at
LINE_WIDTHS = (320, 480, 640, 960, 1440, 2240)  # px; a line is padded to the next, a longer one is squeezed
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


def fingerprint() -> str:
    """A checksum over the weights in the installed package, hex, from its record: without loading anything.

    Raises ModelUnavailable where it is not installed.
    """
    try:
        recorded = importlib.metadata.files("rapidocr") or []
    except importlib.metadata.PackageNotFoundError as err:
        raise ModelUnavailable(f"RapidOCR is not installed. {REINSTALL}") from err
    sums = sorted(f"{file} {file.hash and file.hash.value}" for file in recorded if file.suffix == ".onnx")
    if not sums:
        raise ModelUnavailable(f"RapidOCR is installed without its weights. {REINSTALL}")
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


class RapidReader(Reader):
    """PP-OCR on this machine's processor. Loaded when it is made."""

    def __init__(self, options: ReaderOptions) -> None:
        """Raises ModelUnavailable, WeightsCorrupt, ModelError."""
        config = _config()
        import cv2
        from rapidocr.ch_ppocr_det import TextDetector
        from rapidocr.ch_ppocr_det import main as detecting
        from rapidocr.ch_ppocr_rec import TextRecInput, TextRecognizer
        from rapidocr.ch_ppocr_rec import main as recognising
        from rapidocr.utils.process_img import get_rotate_crop_image

        cv2.setNumThreads(options.threads)
        self._cv2, self._crop, self._input = cv2, get_rotate_crop_image, TextRecInput
        config.Det.limit_type, config.Det.limit_side_len = "max", max(map(max, SHAPES))
        config.Det.box_thresh = LEAST_CERTAIN
        config.Rec.font_path = None  # of pictures of its results, which nobody draws here
        config.Rec.rec_batch_num = 1  # one line after the other is as quick, and takes less memory
        session = SessionOptions(
            precision=options.precision, threads=options.threads, requests=1, batches=(1,)
        )
        with _engine(detecting, _Graph(_file(config.Det), session)):
            self._detect = TextDetector(config.Det)
        with _engine(recognising, _Lines(_file(config.Rec), session)):
            self._recognise = TextRecognizer(config.Rec)

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
            text, confidence = self._reading(strip)
            if confidence < DOUBTFUL:
                turned = self._reading(np.ascontiguousarray(strip[::-1, ::-1]))
                if turned[1] > confidence + CLEARLY:
                    text, confidence = turned
            if is_writing(text, confidence):
                corners = tuple((float(x), float(y)) for x, y in quad)
                yield ReadLine(text=text, quad=corners, confidence=confidence)

    def _reading(self, strip: Picture) -> tuple[str, float]:
        found: Any = self._recognise(self._input(img=[strip], return_word_box=False))
        return tidied(found.txts[0]), min(max(float(found.scores[0]), 0.0), 1.0)

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


class _Graph:
    """What RapidOCR calls an inference session, in one of ours."""

    def __init__(self, weights_: VerifiedFile, options: SessionOptions) -> None:
        self._session = OpenVinoSession(weights_, options)
        self._input = self._session.inputs[0].name
        self._characters = _characters(weights_)

    def __call__(self, batch: Array) -> Array:
        return next(iter(self._session.run({self._input: batch}).values()))

    def have_key(self) -> bool:
        return bool(self._characters)

    def get_character_list(self) -> list[str]:
        return list(self._characters)


class _Lines(_Graph):
    """Lines in a few widths. What is added on the right is what RapidOCR itself pads with."""

    def __call__(self, batch: Array) -> Array:
        width = batch.shape[3]
        wider = next((one for one in LINE_WIDTHS if one >= width), width)
        return super().__call__(np.pad(batch, ((0, 0), (0, 0), (0, 0), (0, wider - width))))


def _characters(file: VerifiedFile) -> list[str]:
    """What each class of a recogniser stands for, as its graph says; none in a detector."""
    facts = read(file.path).get_rt_info()
    if "framework" not in facts or "character" not in facts["framework"]:
        return []
    return str(facts["framework"]["character"].value).splitlines()


@contextmanager
def _engine(module: Any, graph: _Graph) -> Iterator[None]:
    """Where RapidOCR asks for an engine, have it get this one."""
    own = module.get_engine
    module.get_engine = lambda _: lambda _: graph
    try:
        yield
    finally:
        module.get_engine = own


def _config() -> Any:
    """RapidOCR's own settings, read anew."""
    try:
        from rapidocr.main import DEFAULT_CFG_PATH
        from rapidocr.utils.parse_parameters import ParseParams
    except ImportError as err:
        raise ModelUnavailable(f"RapidOCR cannot be loaded ({err}). {REINSTALL}") from err
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return ParseParams.load(DEFAULT_CFG_PATH)


def _file(part: Any) -> VerifiedFile:
    import rapidocr
    from rapidocr.inference_engine.base import FileInfo, InferSession

    listed = InferSession.get_model_url(
        FileInfo(
            engine_type=part.engine_type,
            ocr_version=part.ocr_version,
            task_type=part.task_type,
            lang_type=part.lang_type,
            model_type=part.model_type,
        )
    )
    name = str(listed["model_dir"]).rpartition("/")[2]
    path = Path(rapidocr.__file__).parent / "models" / name
    try:
        content = path.read_bytes()
    except OSError as err:
        raise ModelUnavailable(f"{path} cannot be read ({err.strerror}). {REINSTALL}") from err
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != str(listed["SHA256"]):
        raise WeightsCorrupt(f"{path} differs from its package's list (checksum). {REINSTALL}")
    return VerifiedFile(path=path, sha256=sha256)
