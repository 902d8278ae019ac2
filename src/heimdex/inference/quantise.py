"""A picture graph rounded to int8 by NNCF, and what that costs. An int8 model is a model of its own.

Ranges are learnt from the user's own kept frames. The words half stays as it is: one query costs little, and
its loss would come on top. (Post-training quantisation with SmoothQuant, Xiao et al. 2023, as NNCF has it for
transformers; weights symmetric per channel, activations asymmetric.)
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from heimdex.errors import ModelError, ModelUnavailable, UsageError
from heimdex.inference.openvino_runtime import name_of, openvino, read
from heimdex.inference.session import Array
from heimdex.inference.weights import VerifiedFile

Rows: TypeAlias = NDArray[np.float32]

INSTALL = "pip install 'heimdex[int8]'"
CALIBRATION = 300  # pictures; NNCF's own number, more change nothing
CHECKED = 400  # pictures the loss is measured on, at most
LEAST_PICTURES = 48  # below, neither ranges nor loss mean anything
NEIGHBOURS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """How far int8 vectors stray from those they stand for, over pictures that no range was learnt from."""

    pictures: int
    mean_cosine: float
    least_cosine: float
    recall_at_10: float  # share of a picture's ten nearest that stay among its ten nearest
    rank_correlation: float  # Spearman's, of a picture's likeness to all others; the mean over pictures

    def __str__(self) -> str:
        return (
            f"over {self.pictures} pictures: cosine to fp32 {self.mean_cosine:.4f} on average and "
            f"{self.least_cosine:.4f} at least, recall@10 {self.recall_at_10:.3f}, "
            f"rank correlation {self.rank_correlation:.4f}"
        )


def divide(pictures: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Pictures to learn ranges from, and others to measure the loss on, taken in turn.

    Raises UsageError for fewer than LEAST_PICTURES.
    """
    if len(pictures) < LEAST_PICTURES:
        raise UsageError(
            f"{len(pictures)} kept frames are too few to learn ranges from; {LEAST_PICTURES} are needed. "
            "Index more first."
        )
    return list(pictures[::2])[:CALIBRATION], list(pictures[1::2])[:CHECKED]


def quantise_graph(
    weights: VerifiedFile,
    pictures: Sequence[Any],
    prepare: Callable[[Any], Array],
    target: Path,
    *,
    on_step: Callable[[str], None] = lambda _: None,
) -> None:
    """Write the int8 graph to `target` (.xml) and its weights beside it (.bin).

    `pictures` are gone through several times, each made by `prepare` into what the graph takes: (1, 3, size,
    size) float32. The name of its only input, and its outputs, stay as they are. Raises ModelUnavailable
    without NNCF, ModelError where it fails.
    """
    nncf = _nncf()
    try:
        model = read(weights.path)
        port = model.inputs[0]
        name = name_of(port)
        shape = port.get_partial_shape()
        for axis, size in enumerate(prepare(pictures[0]).shape[1:], start=1):
            shape[axis] = size
        model.reshape({name: shape})
        on_step(f"learning ranges from {len(pictures)} pictures")
        with _quiet():
            small = nncf.quantize(
                model,
                nncf.Dataset(pictures, lambda picture: {name: prepare(picture)}),
                preset=nncf.QuantizationPreset.MIXED,
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(pictures),
            )
        openvino().save_model(small, str(target), compress_to_fp16=False)
    except Exception as err:  # NNCF's errors are of every kind
        raise ModelError(f"{weights.path.name} cannot be made int8: {_first_line(err)}") from err


def int8_row(row: Mapping[str, Any], graph: str, beside: Sequence[str]) -> dict[str, Any]:
    """The catalog row of the int8 model, from that of its model.

    `graph` is the new picture graph's name, `beside` the files of the old one: the graph and its weights.
    """
    kept = [name for name in row["files"] if name not in beside]
    return dict(row) | {
        "name": f"{row['name']}-int8",
        "precision": "int8",
        "aliases": [],
        "repository": None,
        "picture_file": graph,
        "files": [graph, str(Path(graph).with_suffix(".bin")), *kept],
    }


def measure_loss(exact: Rows, rounded: Rows) -> Loss:
    """The loss between two sets of unit rows, (n, dim), of the same pictures; n at least 3."""
    cosines = (exact * rounded).sum(axis=1)
    one, two = _likeness(exact), _likeness(rounded)
    count = min(NEIGHBOURS, len(exact) - 1)
    nearest_one, nearest_two = (np.argpartition(-part, count - 1, axis=1)[:, :count] for part in (one, two))
    shared = [len(np.intersect1d(a, b)) for a, b in zip(nearest_one, nearest_two, strict=True)]
    return Loss(
        pictures=len(exact),
        mean_cosine=float(cosines.mean()),
        least_cosine=float(cosines.min()),
        recall_at_10=float(np.mean(shared) / count),
        rank_correlation=float(np.mean([_spearman(a, b) for a, b in zip(one, two, strict=True)])),
    )


def _likeness(rows: Rows) -> NDArray[np.float64]:
    """Each row's cosine to every other, (n, n − 1): its own left out."""
    wide = rows.astype(np.float64)
    every = wide @ wide.T
    others: NDArray[np.float64] = every[~np.eye(len(rows), dtype=bool)].reshape(len(rows), -1)
    return others


def _spearman(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    ranks = np.stack([one.argsort().argsort(), two.argsort().argsort()])
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _nncf() -> Any:
    """NNCF, imported without its telemetry. Raises ModelUnavailable where it is not installed."""
    if "nncf" in sys.modules:
        return sys.modules["nncf"]
    openvino()  # first, and without its own telemetry
    telemetry = "openvino_telemetry"
    before = sys.modules.get(telemetry)
    sys.modules[telemetry] = None  # type: ignore[assignment]  # documented: makes its import fail
    try:
        import nncf
    except ImportError as err:
        raise ModelUnavailable(f"Making a model int8 needs NNCF ({err}). `{INSTALL}`") from err
    finally:
        del sys.modules[telemetry]
        if before is not None:
            sys.modules[telemetry] = before
    return nncf


@contextlib.contextmanager
def _quiet() -> Any:
    """Without NNCF's own progress bars and notes on stdout, which belongs to whoever called."""
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def _first_line(err: BaseException) -> str:
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return lines[-1] if lines else type(err).__name__
