"""A recogniser of writing with random weights, made without torch and without a hub.

What it reads means nothing; that it runs, in which shape its classes come and what becomes of them is the
real thing: lines of 48 px in any width, a CTC network with the blank first and the space last.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from heimdex.inference.weights import MANIFEST
from tests.onnx_writer import OnnxWriter

HANGUL = tuple("가나다라마바사아자차카타파하거너더러머버서어저처고노도로모보소오조초구누두루무부수우주추")
CYRILLIC = tuple("БГДЖЗИЛПУФЦЧШЩЭЮЯбгджзилпуфцчшщэюя")
FILES = ("languages/any/rec.onnx", "languages/any/dict.txt")
HEIGHT, STEP, HIDDEN = 48, 8, 32  # px, px, channels


def make_ctc(
    path: Path, characters: tuple[str, ...], *, sure: bool = True, told: bool = False, seed: int = 1
) -> Path:
    """A graph (n, 3, 48, width) → (n, width / 8, characters + 2). `sure`: of all it reads, or of nothing.

    `told`: the graph itself says what its classes stand for.
    """
    rng = np.random.default_rng(seed)
    writer = OnnxWriter()
    lines = writer.input("x", "float32", (None, 3, HEIGHT, None))
    kernel = writer.constant(rng.standard_normal((HIDDEN, 3, HEIGHT, STEP)) / 16)
    seen = writer.op("Conv", lines, kernel, strides=[HEIGHT, STEP], kernel_shape=[HEIGHT, STEP])
    steps = writer.op("Squeeze", writer.op("Relu", seen), writer.constant([2], "int64"))
    weights = rng.standard_normal((HIDDEN, len(characters) + 2)) * (30 if sure else 1e-4)
    weights[:, 0] -= 5.0 if sure else 0.0  # random ones see nothing too often
    weights[:, -1] -= 5.0 if sure else 0.0
    scores = writer.op("MatMul", writer.op("Transpose", steps, perm=[0, 2, 1]), writer.constant(weights))
    writer.named("Softmax", "classes", scores, axis=-1)
    writer.output("classes", "float32", (None, None, len(characters) + 2))
    if told:
        writer.metadata["character"] = "\n".join(characters)
    return writer.save(path)


def make_alphabet(
    folder: Path,
    characters: tuple[str, ...],
    *,
    sure: bool = True,
    told: bool = False,
    listed: tuple[str, ...] | None = None,
) -> Path:
    """An installed model: graph, dictionary and manifest. `listed`: what the dictionary has instead."""
    make_ctc(folder / FILES[0], characters, sure=sure, told=told)
    (folder / FILES[1]).write_bytes(dictionary(characters if listed is None else listed))
    (folder / MANIFEST).write_text(json.dumps({"files": [_entry(folder, name) for name in FILES]}))
    return folder


def dictionary(characters: tuple[str, ...]) -> bytes:
    """A line each."""
    return "".join(f"{one}\n" for one in characters).encode()


def _entry(folder: Path, name: str) -> dict[str, object]:
    content = (folder / name).read_bytes()
    return {
        "name": name,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "CC0-1.0",
        "source": "random",
    }
