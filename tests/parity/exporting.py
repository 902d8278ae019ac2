"""Reference models with random weights, written to ONNX and laid out as our catalog wants them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.inference.session import Precision

SEED = 11
SPREAD = 2.0  # how much larger than a library's own random weights: else all pictures get about one vector

INNER_BIAS = ("c_fc.bias", "fc1.bias", "intermediate.dense.bias")  # OpenCLIP, timm and transformers, BERT
INNER_OUT = ("mlp.c_proj.weight", "fc2.weight")


class Function(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """A function of a model as a module, which is what torch exports."""

    def __init__(self, model: torch.nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What is to be written: the function, what it is asked with, and the names of its ports."""

    function: Callable[..., Any]
    example: tuple[torch.Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    free: Mapping[str, tuple[int, ...]]  # axes that stay free, by port


def randomised(model: torch.nn.Module, spread: float = SPREAD) -> torch.nn.Module:
    """Weights from a seed, matrices larger than usual, biases and norms not at their neutral values.

    Inner units are mostly off, as in trained nets: there the activations differ most, and a wrong one would
    go unnoticed elsewhere.
    """
    torch.manual_seed(SEED)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim >= 2 and "embed" not in name and "position" not in name:
                louder = 4.0 if name.endswith(INNER_OUT) else 1.0
                scale = louder * spread * 0.5 / weights[0].numel() ** 0.5
                weights.copy_(torch.randn_like(weights) * scale)
            elif weights.ndim >= 2:
                weights.copy_(torch.randn_like(weights) * 0.3)
            elif weights.ndim == 1:
                base = 1.0 if name.endswith("weight") else -2.0 if name.endswith(INNER_BIAS) else 0.0
                weights.copy_(base + torch.randn_like(weights) * 0.1)
    return model.eval().requires_grad_(False)


def export(model: torch.nn.Module, graph: Graph, path: Path) -> None:
    """Write one graph."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.backends.mha.set_fastpath_enabled(False)  # its fused attention has no counterpart in ONNX
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch's own words about its exporter
        torch.onnx.export(
            Function(model, graph.function).eval(),  # or all of the model is left in training
            graph.example,
            str(path),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes={name: list(axes) for name, axes in graph.free.items()},
            opset_version=17,
            dynamo=False,
        )
    torch.backends.mha.set_fastpath_enabled(True)


def manifest(folder: Path) -> Path:
    """A manifest over everything in a folder."""
    entries = [
        {
            "name": path.relative_to(folder).as_posix(),
            "size_bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "licence": "MIT",
            "source": "random weights",
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    ]
    (folder / "manifest.json").write_text(json.dumps({"files": entries}), encoding="utf-8")
    return folder


def options(folder: Path, precision: Precision = "fp32") -> LoadOptions:
    """Loading from such a folder; what is made again lies beside it."""
    return LoadOptions(weights_dir=folder, cache_dir=folder.parent / "cache", precision=precision, threads=2)


def made_row(**facts: Any) -> ModelRow:
    """A row for a model of this test, in the files `picture.onnx`, `words.onnx`, `tokenizer.json`."""
    known: dict[str, Any] = {
        "name": "made",
        "pretrained": "random",
        "precision": "fp32",
        "licence": "MIT",
        "task": "comparing",
        "files": ("picture.onnx", "words.onnx", "tokenizer.json"),
        "picture_file": "picture.onnx",
        "words_file": "words.onnx",
        "tokenizer_file": "tokenizer.json",
    }
    return ModelRow(**(known | facts))


def rows(vectors: Any) -> NDArray[np.float64]:
    """A tensor or vectors as rows of norm 1."""
    values = vectors.detach().numpy() if isinstance(vectors, torch.Tensor) else np.asarray(vectors)
    values = values.astype(np.float64)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


LEAST: dict[Precision, float] = {"fp32": 0.9999, "bf16": 0.999}
"""Cosine to the reference, of every vector."""


def cosines(one: Any, two: Any) -> NDArray[np.float64]:
    """Of row to row."""
    return np.asarray((rows(one) * rows(two)).sum(axis=1))


def alike(vectors: Any) -> float:
    """The largest cosine between two different rows: parity of rows that are all alike proves nothing."""
    found = rows(vectors) @ rows(vectors).T
    return float((found - 2 * np.eye(len(found))).max())
