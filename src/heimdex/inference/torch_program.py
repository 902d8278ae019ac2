"""An ONNX graph as a torch program: one for each shape of the inputs, with all arithmetic on shapes done.

The graph is walked once, node by node. What is known already (weights, shapes, numbers computed from them)
is computed there and then; what depends on an input becomes a call in a `torch.fx` graph, and is traced on
tensors without content to learn its shape. So a program has no branches and no sizes left to find out, which
is what torch.compile likes best.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx
import torch

from heimdex.errors import ModelError
from heimdex.inference.session import Array, Port
from heimdex.inference.torch_graph import OURS, Graph, attributes_of, constant_of
from heimdex.inference.torch_operators import wide
from heimdex.inference.torch_shapes import Tensor
from heimdex.inference.torch_table import PLAIN, PRECISE

Shapes: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]  # of every input, by name


@dataclass(frozen=True, kw_only=True)
class Known:
    """A value that does not depend on any input."""

    tensor: Tensor  # on the processor, as the file has it
    lasting: bool  # the same in every program: made of weights alone, not of shapes


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A value of the program: where it is computed, and what shape and dtype it has."""

    node: torch.fx.Node
    like: Tensor  # without content


Value: TypeAlias = "Known | Traced"


class Translation:
    """A graph becoming a program for one shape of its inputs."""

    def __init__(self, graph: Graph, shapes: Shapes, *, device: str, precision: torch.dtype) -> None:
        self.graph = graph
        self.shapes = dict(shapes)
        self.device = device
        self.precision = precision
        self.program = torch.fx.Graph()
        self.root = torch.nn.Module()
        self.values: dict[str, Value] = {
            name: Known(tensor=tensor, lasting=True) for name, tensor in graph.weights.items()
        }

    def module(self) -> torch.fx.GraphModule:
        """The program: tensors of the inputs, in the graph's order → its results, floats as float32.
        Raises ModelError for what no program can be made of.
        """
        found = []
        for value in self._results():
            short = value.like.is_floating_point()
            found.append(self.program.call_function(wide, (value.node,)) if short else value.node)
        self.program.output(tuple(found))
        return torch.fx.GraphModule(self.root, self.program)

    def ports(self) -> tuple[Port, ...]:
        """What comes out: the first size free, the others as these shapes of the inputs make them."""
        values = zip(self.graph.results, self._results(), strict=True)
        return tuple(
            Port(name=name, dtype=_numpy_dtype(wide(value.like).dtype), shape=(None, *value.like.shape[1:]))
            for name, value in values
        )

    def _results(self) -> list[Traced]:
        for port in self.graph.inputs:
            like = torch.empty(self.shapes[port.name], dtype=_torch_dtype(port.dtype), device="meta")
            self.values[port.name] = Traced(node=self.program.placeholder(_word(port.name)), like=like)
        for node in self.graph.nodes:
            self._walk(node)
        return [self._traced(name) for name in self.graph.results]

    def _walk(self, node: onnx.NodeProto) -> None:
        attributes = attributes_of(node)
        if node.op_type == "Constant":
            self.values[node.output[0]] = Known(tensor=constant_of(attributes), lasting=True)
            return
        work = PLAIN.get(node.op_type)
        if node.op_type in PRECISE:
            work = PRECISE[node.op_type]
            attributes["precision"] = self.precision
        if work is None or node.domain not in ("", "ai.onnx", OURS, "com.microsoft"):
            raise ModelError(
                f"{self.graph.name} uses {node.domain} {node.op_type}, which has no torch program here. "
                "Run it with device cpu."
            )
        if node.op_type == "Split" and not node.input[1:] and "split" not in attributes:
            attributes["num_outputs"] = len(node.output)
        values = [self.values[name] if name else None for name in node.input]
        try:
            found = self._apply(node, work, values, attributes)
        except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as err:
            raise ModelError(
                f"The node {node.name or node.op_type} of {self.graph.name} has no torch program here: {err}"
            ) from err
        self.values.update(zip(node.output, found, strict=False))

    def _apply(
        self, node: onnx.NodeProto, work: Any, values: list[Value | None], attributes: dict[str, Any]
    ) -> list[Value]:
        if node.op_type == "Shape" and isinstance(values[0], Traced):
            return [Known(tensor=work(values[0].like, **attributes), lasting=False)]
        known = [value for value in values if isinstance(value, Known)]
        if len(known) + values.count(None) == len(values):
            found = work(
                *[value.tensor if isinstance(value, Known) else None for value in values], **attributes
            )
            lasting = all(value.lasting for value in known)
            return [Known(tensor=part, lasting=lasting) for part in _as_tuple(found)]
        nodes, likes = [], []
        for name, value in zip(node.input, values, strict=True):
            given, like = self._argument(name, value, node)
            nodes.append(given)
            likes.append(like)
        likeness = work(*likes, **attributes)
        call = self.program.call_function(work, tuple(nodes), attributes)
        if isinstance(likeness, torch.Tensor):
            return [Traced(node=call, like=likeness)]
        return [
            Traced(node=self.program.call_function(operator.getitem, (call, place)), like=part)
            for place, part in enumerate(likeness)
        ]

    def _argument(self, name: str, value: Value | None, node: onnx.NodeProto) -> tuple[Any, Any]:
        """A value as the program passes it on, and as the tracing sees it."""
        if value is None:
            return None, None
        if isinstance(value, Traced):
            return value.node, value.like
        tensor = value.tensor
        if node.op_type in NUMBERS_WANTED and not tensor.is_floating_point():
            if node.op_type in ("Gather", "GatherElements", "GatherND"):
                one = node.op_type == "Gather" and tensor.ndim == 0
                return (tensor.item(), tensor.item()) if one else self._placed(name, value)
            listed = tensor.flatten().tolist()
            return listed, listed
        scalar = tensor.numel() == 1 and tensor.ndim <= 1 and node.op_type in SCALARS_TAKEN
        if scalar:
            return tensor.item(), tensor.item()
        return self._placed(name, value)

    def _placed(self, name: str, value: Known) -> tuple[torch.fx.Node, Tensor]:
        """A known tensor as a part of the program, on the device."""
        tensor = self.graph.placed.get(name)
        if tensor is None:
            dtype = self.precision if value.tensor.is_floating_point() else value.tensor.dtype
            tensor = value.tensor.to(device=self.device, dtype=dtype)
            if value.lasting:
                self.graph.placed[name] = tensor
        attribute = f"weight_{_word(name)}"
        if not hasattr(self.root, attribute):
            self.root.register_buffer(attribute, tensor, persistent=False)
        return self.program.get_attr(attribute), tensor.to("meta")

    def _traced(self, name: str) -> Traced:
        value = self.values[name]
        if isinstance(value, Traced):
            return value
        node, like = self._placed(name, value)
        return Traced(node=node, like=like)


# Operators whose whole numbers are shapes, axes or places, and must be known.
NUMBERS_WANTED = frozenset(
    "CumSum Reshape Unsqueeze Squeeze Slice Split Expand Tile "
    "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL2 ReduceProd Gather GatherElements GatherND".split()
)
# Operators that take a plain number for a tensor of one; it does not widen the other side, as a tensor would.
SCALARS_TAKEN = frozenset(
    "Add Sub Mul Div Pow Equal Greater GreaterOrEqual Less LessOrEqual Clip Mod".split()
)


def _torch_dtype(dtype: np.dtype[Any]) -> torch.dtype:
    return torch.from_numpy(np.empty(0, dtype)).dtype


def _numpy_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    found: np.dtype[Any] = torch.empty(0, dtype=dtype).numpy().dtype
    return found


def _as_tuple(found: Any) -> tuple[Tensor, ...]:
    return found if isinstance(found, tuple) else (found,)


def _word(name: str) -> str:
    """A name that Python accepts; different names stay different."""
    return "".join(letter if letter.isalnum() and letter.isascii() else f"_{ord(letter)}_" for letter in name)


def arrays_of(found: tuple[Tensor, ...], graph: Graph) -> dict[str, Array]:
    """Outputs by their names, as numpy arrays of our own."""
    return {name: tensor.numpy().copy() for name, tensor in zip(graph.results, found, strict=True)}
