"""Full-size models with random weights, written as ONNX into the cache: speed does not ask what weights are.

Both halves by the writer of `heimdex.inference.export`, int8 by `heimdex.inference.quantise` on real photos.
Torch and open_clip are imported only where something has to be made, or a peer runs.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.plan import photos
from benchmarks.reference_clip import MEAN, SEED, STD, load_torch
from heimdex.inference.export import EMBEDDING, PIXELS, TOKENS
from heimdex.inference.transforms import fit, normalise
from heimdex.inference.weights import VerifiedFile
from heimdex.media.photo import read_photo

RECIPE = 1  # raise it when the files would come out differently
CALIBRATION = 64  # photos the ranges of int8 are learnt from


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model that is measured."""

    name: str
    architecture: str  # open_clip's
    side: int  # px
    precisions: tuple[str, ...]  # ours
    pictures: int  # in one measured run of ours; peers that go one by one get a quarter
    batch: int  # in one graph of ours, and of the peers


SUBJECTS = (
    Subject(
        name="ViT-B/32",
        architecture="ViT-B-32",
        side=224,
        precisions=("fp32", "bf16", "int8"),
        pictures=64,
        batch=16,
    ),
    Subject(name="ViT-B/16", architecture="ViT-B-16", side=224, precisions=("bf16",), pictures=16, batch=8),
    Subject(name="ViT-L/14", architecture="ViT-L-14", side=224, precisions=("bf16",), pictures=8, batch=4),
    Subject(
        name="SigLIP so400m-384",
        architecture="ViT-SO400M-14-SigLIP-384",
        side=384,
        precisions=("bf16",),
        pictures=2,
        batch=1,
    ),
)


def open_clip_model(architecture: str) -> Any:
    """open_clip's model with random weights from a seed, ready to encode."""
    torch = load_torch()
    import open_clip

    torch.manual_seed(SEED)
    return open_clip.create_model(architecture).eval().requires_grad_(False)


def graph(cache: Path, subject: Subject, precision: str) -> VerifiedFile:
    """The picture graph in the cache; it must have been made."""
    folder = place(cache, subject)
    path = folder / ("pictures-int8.xml" if precision == "int8" else "pictures.onnx")
    known = json.loads((folder / "sums.json").read_text(encoding="utf-8"))
    return VerifiedFile(path=path, sha256=known[path.name])


def place(cache: Path, subject: Subject) -> Path:
    """The folder of a model."""
    return cache / f"random-{subject.architecture.lower()}-{RECIPE}"


def make(cache: Path, subject: Subject) -> None:
    """Write what is not there yet: the graphs of a model, of B/32 the words and int8 too."""
    folder = place(cache, subject)
    if (folder / "sums.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    model = open_clip_model(subject.architecture)
    from heimdex.inference import torch_checkpoint

    torch_checkpoint.write_graph(
        torch_checkpoint.Half(model, "encode_image"),
        np.zeros((2, 3, subject.side, subject.side), np.float32),
        folder / "pictures.onnx",
        {PIXELS: {0: "n"}, EMBEDDING: {0: "n"}},
    )
    if subject == SUBJECTS[0]:
        torch_checkpoint.write_graph(
            torch_checkpoint.ShortWords(model),
            np.ones((2, 77), np.int64),
            folder / "words.onnx",
            {TOKENS: {0: "n", 1: "length"}, EMBEDDING: {0: "n"}},
        )
    del model
    gc.collect()
    if "int8" in subject.precisions:
        _quantise(folder, subject)
    sums = {path.name: _digest(path) for path in folder.iterdir() if path.suffix in (".onnx", ".xml")}
    if (folder / "pictures-int8.bin").exists():
        weights = _digest(folder / "pictures-int8.bin")
        sums["pictures-int8.xml"] = hashlib.sha256((sums["pictures-int8.xml"] + weights).encode()).hexdigest()
    (folder / "sums.json").write_text(json.dumps(sums), encoding="utf-8")


def _quantise(folder: Path, subject: Subject) -> None:
    from heimdex.inference.quantise import quantise_graph

    whole = VerifiedFile(path=folder / "pictures.onnx", sha256=_digest(folder / "pictures.onnx"))
    squares = [prepared(path, subject.side) for path in photos(CALIBRATION)]
    quantise_graph(
        whole, squares, lambda square: normalise(square[np.newaxis], MEAN, STD), folder / "pictures-int8.xml"
    )


def prepared(path: Path, side: int) -> NDArray[np.uint8]:
    """A photo as a square, (side, side, 3)."""
    return fit(read(path), side, "crop")


def read(path: Path) -> NDArray[np.uint8]:
    """A photo as a kept frame has it."""
    return read_photo(os.fsencode(path), max_pixels=10**8, short_side=512)


def pixels(subject: Subject, count: int) -> NDArray[np.float32]:
    """Photos as graphs take them, (count, 3, side, side); the same again where there are not so many."""
    some = [prepared(path, subject.side) for path in photos(min(count, 64))]
    return normalise(np.stack([some[index % len(some)] for index in range(count)]), MEAN, STD)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
