"""A model is a row of frozen data; how it is to be loaded is another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from heimdex.inference.session import Precision
from heimdex.inference.transforms import Resize

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """What is known of a model without loading it."""

    name: str  # the catalog name; a Vector's Space carries it
    pretrained: str  # which weights, as their publishers call them
    precision: str  # of the stored weights: other weights, another model
    licence: str  # SPDX
    task: str
    input_size: int  # px, the side of the square a picture is made to fit
    mean: tuple[float, float, float]  # of RGB in 0-1
    std: tuple[float, float, float]
    resize: Resize
    files: tuple[str, ...]  # names in the weights folder's manifest
    match_cosine: float  # words to picture: from here a picture counts as showing what was asked; 0 = unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadOptions:
    """How a model is to be loaded."""

    weights_dir: Path = WEIGHTS_FOLDER
    cache_dir: Path | None = None  # compiled graphs and checked checksums; None: nothing is kept
    device: str = "cpu"
    precision: Precision = "auto"
    threads: int = 0  # 0: as many as the machine has cores
