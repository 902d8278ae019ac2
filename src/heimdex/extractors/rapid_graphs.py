"""RapidOCR's weights and settings, and its graphs in our sessions."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt
from heimdex.extractors.alphabets import Alphabet
from heimdex.inference.openvino_runtime import read
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Array, SessionOptions
from heimdex.inference.weights import VerifiedFile, open_weights

NAME = "starter-writing"
REINSTALL = "Install Heimdex again (`pip install --force-reinstall rapidocr`)."
LINE_HEIGHT = 48  # px, that lines are read at
LINE_WIDTHS = (320, 480, 640, 960, 1440, 2240)  # px; a line is padded to the next, a longer one is squeezed
BESIDES = 2  # classes that no dictionary names: no glyph, and the blank between words


def fingerprint() -> str:
    """A checksum over the weights in the installed package, hex, from its record: without loading anything.

    Raises ModelUnavailable where it is not installed.
    """
    sums = sorted(f"{file} {file.hash and file.hash.value}" for file in _weights())
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def size_bytes() -> int:
    """Of those weights, as the record has it. Raises as `fingerprint` does."""
    return sum(file.size or 0 for file in _weights())


def _weights() -> list[importlib.metadata.PackagePath]:
    try:
        recorded = importlib.metadata.files("rapidocr") or []
    except importlib.metadata.PackageNotFoundError as err:
        raise ModelUnavailable(f"RapidOCR is not installed. {REINSTALL}") from err
    found = [file for file in recorded if file.suffix == ".onnx"]
    if not found:
        raise ModelUnavailable(f"RapidOCR is installed without its weights. {REINSTALL}")
    return found


class Graph:
    """What RapidOCR calls an inference session, in one of ours."""

    def __init__(
        self, weights_: VerifiedFile, options: SessionOptions, characters: Sequence[str] | None = None
    ) -> None:
        """`characters`: what the classes stand for; None: as the graph itself says."""
        self._session = OpenVinoSession(weights_, options)
        self._input = self._session.inputs[0].name
        self._characters = _characters(weights_) if characters is None else list(characters)

    def __call__(self, batch: Array) -> Array:
        """Its one output for a batch."""
        return next(iter(self._session.run({self._input: batch}).values()))

    def have_key(self) -> bool:
        """Whether it is known what the classes stand for: only then nothing is fetched."""
        return bool(self._characters)

    def get_character_list(self) -> list[str]:
        """What each class stands for, but for no glyph and the blank."""
        return list(self._characters)


class Lines(Graph):
    """Lines in a few widths. What is added on the right is what RapidOCR itself pads with."""

    def __call__(self, batch: Array) -> Array:
        """Lines, (n, 3, 48, width) → (n, steps, classes)."""
        width = batch.shape[3]
        wider = next((one for one in LINE_WIDTHS if one >= width), width)
        return super().__call__(np.pad(batch, ((0, 0), (0, 0), (0, 0), (0, wider - width))))


def lines_of(alphabet: Alphabet, options: SessionOptions) -> Lines:
    """The graph of a further alphabet. Its dictionary is the graph's own, or the file beside it.

    Raises ModelUnavailable, WeightsCorrupt, and ModelError where the dictionary is not the graph's.
    """
    weights = open_weights(alphabet.folder, alphabet.graph, alphabet.memo_dir)
    characters = _characters(weights) or _dictionary(alphabet)
    graph = Lines(weights, options, characters)
    shape = graph(np.zeros((1, 3, LINE_HEIGHT, LINE_WIDTHS[0]), np.float32)).shape
    if len(shape) != 3 or shape[2] != len(characters) + BESIDES:
        raise ModelError(
            f"{alphabet.name} gives {shape} for a line and its dictionary has {len(characters)} characters: "
            f"they do not belong together. `heimdex models pull {alphabet.name} --again` fetches both."
        )
    return graph


def _dictionary(alphabet: Alphabet) -> list[str]:
    """One character a line; a blank can be one, and so can what other programs take for a line's end."""
    file = open_weights(alphabet.folder, alphabet.dictionary, alphabet.memo_dir)
    try:
        lines = file.path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as err:
        raise WeightsCorrupt(f"{file.path} cannot be read as a dictionary ({err}).") from err
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def _characters(file: VerifiedFile) -> list[str]:
    """What each class of a recogniser stands for, as its graph says; none in a detector."""
    try:
        facts = read(file.path).get_rt_info()
    except RuntimeError as err:
        raise ModelError(f"{file.path} cannot be read as a graph.") from err
    if "framework" not in facts or "character" not in facts["framework"]:
        return []
    return str(facts["framework"]["character"].value).splitlines()


@contextmanager
def engine(module: Any, graph: Graph) -> Iterator[None]:
    """Where RapidOCR asks for an engine, have it get this one."""
    own = module.get_engine
    module.get_engine = lambda _: lambda _: graph
    try:
        yield
    finally:
        module.get_engine = own


def config() -> Any:
    """RapidOCR's own settings, read anew."""
    try:
        from rapidocr.main import DEFAULT_CFG_PATH
        from rapidocr.utils.parse_parameters import ParseParams
    except ImportError as err:
        raise ModelUnavailable(f"RapidOCR cannot be loaded ({err}). {REINSTALL}") from err
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return ParseParams.load(DEFAULT_CFG_PATH)


def shipped_file(part: Any) -> VerifiedFile:
    """The weights in the package that a part of its settings asks for, checked against its own list."""
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
