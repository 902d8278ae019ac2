"""A graph small enough to write by hand: y = x · w, as ONNX bytes, and a weights folder around it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heimdex.inference.weights import VerifiedFile
from tests.onnx_writer import blob, number

FLOAT = 1  # TensorProto.DataType


def port(name: str, width: int) -> bytes:
    shape = blob(1, blob(2, "n")) + blob(1, number(1, width))
    return blob(1, name) + blob(2, blob(1, number(1, FLOAT) + blob(2, shape)))


def tiny_onnx(weights: NDArray[np.float32]) -> bytes:
    """A graph from x (n, rows of w) to y (n, columns of w), float32."""
    rows, columns = weights.shape
    tensor = (
        number(1, rows) + number(1, columns) + number(2, FLOAT) + blob(8, "w") + blob(9, weights.tobytes())
    )
    node = blob(1, "x") + blob(1, "w") + blob(2, "y") + blob(4, "MatMul")
    graph = blob(1, node) + blob(2, "tiny") + blob(5, tensor)
    graph += blob(11, port("x", rows)) + blob(12, port("y", columns))
    return number(1, 8) + blob(7, graph) + blob(8, number(2, 17))


def weights_folder(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files and their manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for name, content in files.items():
        (folder / name).write_bytes(content)
        entries.append(
            {
                "name": name,
                "size_bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "licence": "Apache-2.0",
                "source": "this test",
            }
        )
    (folder / "manifest.json").write_text(json.dumps({"files": entries}))
    return folder


def tiny_weights(folder: Path, weights: NDArray[np.float32]) -> VerifiedFile:
    content = tiny_onnx(weights)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.onnx"
    path.write_bytes(content)
    return VerifiedFile(path=path, sha256=hashlib.sha256(content).hexdigest())
