"""What a graph says of itself: what goes in and out, and which activation its layers compute."""

from __future__ import annotations

import json
import logging
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from heimdex.errors import ModelError
from heimdex.inference.openvino_runtime import name_of, read
from heimdex.inference.weights import VerifiedFile

log = logging.getLogger(__name__)

FORMAT = 1  # of the memo; raise it when facts are found otherwise
TOLERANCE = 1e-3  # relative; constants of half precision are that far off
QUICK_SLOPE = 1.702  # x·sigmoid(1.702 x), Hendrycks & Gimpel 2016
ROOT_HALF = math.sqrt(0.5)  # Φ(x) = (1 + erf(x / √2)) / 2
CUBE_SHARE = 0.044715  # tanh(√(2/π)(x + 0.044715 x³)), the same paper's approximation of Φ
PASSED_THROUGH = ("Convert", "FakeQuantize", "Reshape", "Squeeze", "Unsqueeze", "Broadcast")
PASSED_TO_CLASSIFIER = ("Add", "Convert", "FakeQuantize", "Multiply", "Softmax")


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphPort:
    """One input or output. None is a size the graph leaves free."""

    name: str
    dtype: str  # numpy's name, e.g. "float32", "int64"
    shape: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphFacts:
    """What was found in a graph without running it."""

    inputs: tuple[GraphPort, ...]
    outputs: tuple[GraphPort, ...]
    gelu: int  # how often x·Φ(x) by erf is computed
    gelu_tanh: int  # how often its approximation by tanh
    quick_gelu: int  # how often x·sigmoid(1.702 x)
    pooled: GraphPort | None  # what goes into the last matrix product: a classifier's features

    @property
    def batch_free(self) -> bool:
        """Whether any number of items may go in at once."""
        return all(port.shape[:1] == (None,) for port in self.inputs)

    @property
    def activations(self) -> tuple[str, ...]:
        """The activations found, the most frequent first; of a sound transformer just one."""
        counts = {"gelu": self.gelu, "gelu_tanh": self.gelu_tanh, "quick_gelu": self.quick_gelu}
        return tuple(sorted((name for name in counts if counts[name]), key=lambda name: -counts[name]))


def read_graph(file: VerifiedFile, memo_dir: Path | None = None) -> GraphFacts:
    """The facts of a graph, kept below `memo_dir` under its checksum: reading a large one takes seconds.

    Raises ModelError where the file is no graph.
    """
    memo = memo_dir / f"{file.sha256}-{FORMAT}.json" if memo_dir else None
    known = _remembered(memo) if memo else None
    if known is not None:
        return known
    try:
        model = read(file.path)
    except RuntimeError as err:
        raise ModelError(
            f"{file.path} cannot be read as a graph ({str(err).strip().splitlines()[-1]}). "
            "Run `heimdex models verify`."
        ) from err
    found = _facts(model)
    if memo is not None:
        _remember(memo, found)
    return found


def _facts(model: Any) -> GraphFacts:
    counts = {"gelu": 0, "gelu_tanh": 0, "quick_gelu": 0}
    for node in model.get_ordered_ops():
        kind = FINDERS.get(node.get_type_name(), _nothing)(node)
        if kind is not None:
            counts[kind] += 1
    return GraphFacts(
        inputs=tuple(map(_port, model.inputs)),
        outputs=tuple(map(_port, model.outputs)),
        pooled=_pooled(model),
        **counts,
    )


def _nothing(_: Any) -> str | None:
    return None


def _by_erf(node: Any) -> str | None:
    scaled = _origin(node, 0)
    factors = {"Multiply": ROOT_HALF, "Divide": 1 / ROOT_HALF}
    factor = factors.get(scaled.get_type_name())
    return "gelu" if factor is not None and _has_constant(scaled, factor) else None


def _by_tanh(node: Any) -> str | None:
    """Tanh(…(x + 0.044715·x³)…): the constant stands a few steps above."""
    near = [node]
    for _ in range(4):
        near = [origin for one in near for origin in _origins(one)]
        if any(one.get_type_name() == "Multiply" and _has_constant(one, CUBE_SHARE) for one in near):
            return "gelu_tanh"
    return None


def _by_sigmoid(node: Any) -> str | None:
    scaled = _origin(node, 0)
    quick = scaled.get_type_name() == "Multiply" and _has_constant(scaled, QUICK_SLOPE)
    return "quick_gelu" if quick else None


def _by_swish(node: Any) -> str | None:
    return "quick_gelu" if _has_constant(node, QUICK_SLOPE) else None


def _by_name(node: Any) -> str | None:
    return "gelu_tanh" if node.get_attributes().get("approximation_mode", "").upper() == "TANH" else "gelu"


FINDERS: dict[str, Callable[[Any], str | None]] = {
    "Erf": _by_erf,
    "Tanh": _by_tanh,
    "Sigmoid": _by_sigmoid,
    "Swish": _by_swish,
    "Gelu": _by_name,
}


def _origins(node: Any) -> Iterator[Any]:
    for index in range(node.get_input_size()):
        yield _origin(node, index)


def _origin(node: Any, index: int) -> Any:
    """The node an input comes from, past those that only carry values on."""
    found = node.input_value(index).get_node()
    while found.get_type_name() in PASSED_THROUGH:
        found = found.input_value(0).get_node()
    return found


def _has_constant(node: Any, value: float) -> bool:
    """Whether one of a node's inputs is this number, or nothing but it."""
    for origin in _origins(node):
        if origin.get_type_name() == "Constant" and origin.get_output_size() == 1:
            data = origin.get_data() if math.prod(origin.get_output_shape(0)) == 1 else None
            if data is not None and math.isclose(float(data.ravel()[0]), value, rel_tol=TOLERANCE):
                return True
    return False


def _pooled(model: Any) -> GraphPort | None:
    """What the matrix product before the first output is given, where that is one vector an item."""
    node = model.outputs[0].get_node().input_value(0).get_node()
    while node.get_type_name() in PASSED_TO_CLASSIFIER:
        node = node.input_value(0).get_node()
    if node.get_type_name() != "MatMul":
        return None
    port = node.input_value(0)
    rank = port.get_partial_shape().rank
    named = rank.is_static and rank.get_length() == 2 and port.get_names()
    return _port(port) if named else None


def _port(port: Any) -> GraphPort:
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        raise ModelError(f"The graph does not say how many dimensions {port.get_any_name()} has.")
    return GraphPort(
        name=name_of(port),
        dtype=str(port.get_element_type().to_dtype().name),
        shape=tuple(size.get_length() if size.is_static else None for size in shape),
    )


def _remembered(memo: Path) -> GraphFacts | None:
    try:
        kept = json.loads(memo.read_bytes())
        ports = {
            name: tuple(GraphPort(**(port | {"shape": tuple(port["shape"])})) for port in kept.pop(name))
            for name in ("inputs", "outputs", "pooled")
        }
        return GraphFacts(
            inputs=ports["inputs"], outputs=ports["outputs"], pooled=next(iter(ports["pooled"]), None), **kept
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        log.warning("The note %s on a graph is damaged and will be made again.", memo)
        return None


def _remember(memo: Path, facts: GraphFacts) -> None:
    content = asdict(facts)
    content["pooled"] = [content["pooled"]] if content["pooled"] else []
    try:
        memo.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=memo.parent, prefix=memo.stem, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as target:
            json.dump(content, target)
        Path(temporary).replace(memo)
    except OSError as err:
        log.info("What the graph says is not kept: %s", err)
