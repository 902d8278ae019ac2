"""An ONNX graph, read for torch: only what its results need, its attention put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from heimdex.errors import ModelError, WeightsCorrupt
from heimdex.inference.session import Port
from heimdex.inference.torch_shapes import Tensor
from heimdex.inference.weights import MEND

OURS = "heimdex"  # the domain of nodes that we made


@dataclass(kw_only=True)
class Graph:
    """An ONNX graph, read, with its attention put together."""

    nodes: list[onnx.NodeProto]
    weights: dict[str, Tensor]
    inputs: tuple[Port, ...]
    results: tuple[str, ...]
    name: str
    placed: dict[str, Tensor] = field(default_factory=dict)  # weights on the device, shared by all programs


def read_graph(path: Path, wanted: Sequence[str] = ()) -> Graph:
    """An ONNX file with its weights; it gives the tensors `wanted`, or its own outputs.

    Raises WeightsCorrupt where it is no such file, ModelError where it has no such tensor.
    """
    try:
        model = onnx.load(str(path))
        weights = {part.name: _tensor(part) for part in model.graph.initializer}
    except Exception as err:  # protobuf's and onnx's errors have no common root
        raise WeightsCorrupt(f"{path} cannot be read as an ONNX graph ({err}). {MEND}") from err
    results = tuple(wanted) or tuple(port.name for port in model.graph.output)
    nodes = fuse_attention(_needed(list(model.graph.node), results, path), weights, set(results))
    used = {name for node in nodes for name in node.input}
    return Graph(
        nodes=nodes,
        weights={name: tensor for name, tensor in weights.items() if name in used},
        inputs=tuple(_port(port) for port in model.graph.input if port.name not in weights),
        results=results,
        name=path.name,
    )


def _needed(nodes: list[onnx.NodeProto], results: Sequence[str], path: Path) -> list[onnx.NodeProto]:
    """The nodes that have a part in these results, in their order."""
    wanted = set(results)
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    missing = [name for name in results if not any(name in node.output for node in kept)]
    if missing:
        raise ModelError(f"{path} has no tensor {missing[0]}.")
    return kept[::-1]


def fuse_attention(
    nodes: list[onnx.NodeProto], weights: Mapping[str, Tensor], results: set[str]
) -> list[onnx.NodeProto]:
    """The nodes with every MatMul → (· scale) → (+ mask) → Softmax → MatMul made one Attention.

    Only where nothing else wants what lies between. Written out, attention reads and writes a matrix of
    length × length for every head; in one it never leaves the chip. (Dao et al. 2022.)
    """
    makers = {name: node for node in nodes for name in node.output}
    uses = Counter(name for node in nodes for name in node.input)
    uses.update(results)
    fused: dict[int, onnx.NodeProto] = {}
    gone: set[int] = set()
    for last in nodes:
        chain = _attention_chain(last, makers, uses, weights)
        if chain is not None:
            fused[id(last)], inner = chain
            gone |= inner
    return [fused.get(id(node), node) for node in nodes if id(node) not in gone]


def _attention_chain(
    last: onnx.NodeProto,
    makers: Mapping[str, onnx.NodeProto],
    uses: Mapping[str, int],
    weights: Mapping[str, Tensor],
) -> tuple[onnx.NodeProto, set[int]] | None:
    """(the Attention this MatMul is the end of, the ids of the nodes it swallows), where there is one."""

    def before(name: str, *kinds: str) -> onnx.NodeProto | None:
        maker = makers.get(name)
        return maker if maker is not None and maker.op_type in kinds and uses[name] == 1 else None

    if last.op_type != "MatMul" or (soft := before(last.input[0], "Softmax")) is None:
        return None
    if attributes_of(soft).get("axis", -1) not in (-1, 3):
        return None
    inner, mask, scale = {id(soft)}, "", 1.0
    node = before(soft.input[0], "Add", "Mul", "Div", "MatMul")
    if node is not None and node.op_type == "Add":
        inner.add(id(node))
        sides = [before(name, "Mul", "Div", "MatMul") for name in node.input]
        if sides[0] is None and sides[1] is None:
            return None
        place = 0 if sides[0] is not None else 1
        mask, node = node.input[1 - place], sides[place]
    if node is not None and node.op_type in ("Mul", "Div"):
        factor = weights.get(node.input[1])
        if factor is None:
            maker = makers.get(node.input[1])
            factor = _tensor(attributes_of(maker)["value"]) if _is_constant(maker) else None
        if factor is None or factor.numel() != 1:
            return None
        inner.add(id(node))
        scale = float(factor) if node.op_type == "Mul" else 1.0 / float(factor)
        node = before(node.input[0], "MatMul")
    if node is None or node.op_type != "MatMul":
        return None
    inner.add(id(node))
    inputs = [node.input[0], node.input[1], last.input[1], *([mask] if mask else [])]
    made = onnx.helper.make_node("Attention", inputs, list(last.output), last.name, domain=OURS, scale=scale)
    return made, inner


def _is_constant(node: onnx.NodeProto | None) -> bool:
    return node is not None and node.op_type == "Constant" and "value" in attributes_of(node)


def attributes_of(node: onnx.NodeProto | None) -> dict[str, Any]:
    """A node's attributes as plain values."""
    if node is None:
        return {}
    found = {part.name: onnx.helper.get_attribute_value(part) for part in node.attribute}
    plain = {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}
    if node.op_type == "ConstantOfShape" and "value" in plain:
        plain["value"] = _tensor(plain["value"])
    return plain


def constant_of(attributes: Mapping[str, Any]) -> Tensor:
    """What a Constant holds."""
    kind, value = next(iter(attributes.items()))
    if kind == "value":
        return _tensor(value)
    return torch.tensor(value, dtype=torch.float32 if "float" in kind else torch.int64)


def _tensor(part: onnx.TensorProto) -> Tensor:
    return torch.from_numpy(np.array(numpy_helper.to_array(part)))


def _port(port: onnx.ValueInfoProto) -> Port:
    kind = port.type.tensor_type
    sizes = [dimension.dim_value or None for dimension in kind.shape.dim]
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    return Port(name=port.name, dtype=dtype, shape=(None, *sizes[1:]))
