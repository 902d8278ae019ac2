"""What runs a picture half: our sessions, open_clip on torch, ONNX Runtime. Pixels in, rows out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.plan import CORES
from benchmarks.random_models import Subject, graph, open_clip_model
from benchmarks.reference_clip import load_torch
from heimdex.inference.export import EMBEDDING, PIXELS
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Precision, SessionOptions

Pixels = NDArray[np.float32]
Engine = Callable[[Pixels], NDArray[np.float32]]

ONE_BY_ONE, BATCHES, RUNTIME = "open_clip one by one", "open_clip in batches", "ONNX Runtime in batches"
PEERS = (ONE_BY_ONE, BATCHES, RUNTIME)


def engine(name: str, cache: Path, subject: Subject, compiled: Path | None) -> Engine:
    """An engine by its name: one of PEERS, or a precision of ours, which keeps graphs in `compiled`."""
    if name == RUNTIME:
        return _onnx_runtime(cache, subject)
    if name in PEERS:
        return _open_clip(subject, 1 if name == ONE_BY_ONE else subject.batch)
    return _ours(name, cache, subject, compiled)


def _ours(name: str, cache: Path, subject: Subject, compiled: Path | None) -> Engine:
    precision: Precision = "fp32" if name == "fp32" else "bf16"
    session = OpenVinoSession(
        graph(cache, subject, name),
        SessionOptions(
            precision=precision,
            threads=CORES,
            batches=(subject.batch,),
            requests=1 if subject.batch > 1 else 2,
            cache_dir=compiled,
        ),
    )
    if not session.outputs:  # asking for them reads and compiles the graph
        raise SystemExit(f"{subject.name} gives nothing")
    return lambda pixels: session.run({PIXELS: pixels})[EMBEDDING]


def _open_clip(subject: Subject, batch: int) -> Engine:
    model = open_clip_model(subject.architecture)
    return partial(_by_torch, model, batch)


def _by_torch(model: object, batch: int, pixels: Pixels) -> NDArray[np.float32]:
    torch = load_torch()
    with torch.inference_mode():
        parts = [
            model.encode_image(torch.from_numpy(pixels[start : start + batch])).numpy()  # type: ignore[attr-defined]
            for start in range(0, len(pixels), batch)
        ]
    return np.concatenate(parts)


def _onnx_runtime(cache: Path, subject: Subject) -> Engine:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = CORES
    path = str(graph(cache, subject, "fp32").path)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda pixels: np.concatenate(
        [
            session.run([EMBEDDING], {PIXELS: pixels[start : start + subject.batch]})[0]
            for start in range(0, len(pixels), subject.batch)
        ]
    )
