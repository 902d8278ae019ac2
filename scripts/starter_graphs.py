"""The two graphs of the starter, written out node by node: EfficientNet-Lite0 and MiniLM-L6.

Weights go in as published (batch norms folded into the convolutions before them) and lie in the graph as int8
with one scale per output channel, or as float32 for comparison. Sources of the architectures: Tan & Le 2019
with TensorFlow's EfficientNet-Lite changes (no squeeze-and-excite, ReLU6); Devlin et al. 2018 and
Wang et al. 2020 for the words.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

State = Mapping[str, np.ndarray]

OPSET = 17
IR_VERSION = 8
BATCH_NORM_EPSILON = 1e-3
LAYER_NORM_EPSILON = 1e-12

# repeats, stride of the first, expansion, channels out
STAGES = (
    (1, 1, 1, 16),
    (2, 2, 6, 24),
    (2, 2, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 112),
    (4, 2, 6, 192),
    (1, 1, 6, 320),
)
PICTURE_SIDE = 224  # px
LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 64  # positions kept: a query, not a document
MASKED = -10000.0  # added to the attention of padding


class Graph:
    """Collects nodes and weights in a fixed order, so that the same weights give the same bytes."""

    def __init__(self, quantise: bool) -> None:
        self.quantise = quantise
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._constants: dict[tuple[bytes, str, tuple[int, ...]], str] = {}

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: np.ndarray) -> str:
        key = (values.tobytes(), str(values.dtype), values.shape)
        if key not in self._constants:
            self._constants[key] = f"constant_{len(self.weights)}"
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), self._constants[key]))
        return self._constants[key]

    def weight(self, values: np.ndarray, axis: int) -> str:
        """A weight tensor; `axis` is the one with a scale for each of its members."""
        if not self.quantise:
            return self.constant(values.astype(np.float32))
        levels, scales = to_int8(values, axis)
        zeros = np.zeros(scales.shape, np.int8)
        parts = [self.constant(part) for part in (levels, scales, zeros)]
        return self.add("DequantizeLinear", *parts, axis=axis)

    def table(self, values: np.ndarray, rows: str) -> str:
        """Rows of a table. Gathered as int8 and scaled after, so that the table is never unpacked whole."""
        if not self.quantise:
            return self.add("Gather", self.constant(values.astype(np.float32)), rows)
        levels, scales = to_int8(values, 0)
        taken = self.add("Cast", self.add("Gather", self.constant(levels), rows), to=TensorProto.FLOAT)
        return self.add("Mul", taken, self.add("Gather", self.constant(scales[:, np.newaxis]), rows))

    def model(self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto], doc: str) -> bytes:
        graph = helper.make_graph(self.nodes, "starter", inputs, outputs, self.weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, doc_string=doc
        )
        model.producer_name = "heimdex"
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


def to_int8(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 levels and the float32 scale of every member of `axis`."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    peaks = np.abs(values.astype(np.float64)).max(axis=others)
    scales = np.where(peaks > 0, peaks, 1.0) / 127.0
    shape = [-1 if i == axis else 1 for i in range(values.ndim)]
    levels = np.clip(np.rint(values / scales.reshape(shape)), -127, 127).astype(np.int8)
    return levels, scales.astype(np.float32)


def picture_graph(state: State, *, quantise: bool) -> bytes:
    """`pictures` (n, 3, 224, 224) → `logits` (n, 1000) and `features` (n, 1280), all float32."""
    graph = Graph(quantise)
    conv = _Convolutions(graph, state)
    x = conv.add("pictures", "_conv_stem", "_bn0", stride=2, side=PICTURE_SIDE)
    side, channels, index = PICTURE_SIDE // 2, 32, 0
    for repeats, first_stride, expansion, width in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            name, before = f"_blocks.{index}.", x
            if expansion != 1:
                x = conv.add(x, name + "_expand_conv", name + "_bn0", side=side)
            groups = channels * expansion
            x = conv.add(x, name + "_depthwise_conv", name + "_bn1", stride=stride, side=side, groups=groups)
            side //= stride
            x = conv.add(x, name + "_project_conv", name + "_bn2", side=side, activate=False)
            if stride == 1 and channels == width:
                x = graph.add("Add", x, before)
            channels, index = width, index + 1
    x = conv.add(x, "_conv_head", "_bn1", side=side)
    pooled = graph.add("Flatten", graph.add("GlobalAveragePool", x), axis=1)
    graph.nodes.append(helper.make_node("Identity", [pooled], ["features"], name="features"))
    product = graph.add("MatMul", pooled, graph.weight(state["_fc.weight"].T, 1))
    bias = graph.constant(state["_fc.bias"].astype(np.float32))
    graph.nodes.append(helper.make_node("Add", [product, bias], ["logits"], name="logits"))
    return graph.model(
        [_port("pictures", TensorProto.FLOAT, "n", 3, PICTURE_SIDE, PICTURE_SIDE)],
        [_port("logits", TensorProto.FLOAT, "n", 1000), _port("features", TensorProto.FLOAT, "n", 1280)],
        "EfficientNet-Lite0, batch norms folded. Apache-2.0; see NOTICE.",
    )


class _Convolutions:
    def __init__(self, graph: Graph, state: State) -> None:
        self.graph, self.state = graph, state
        self.floor, self.ceiling = (graph.constant(np.float32(limit)) for limit in (0.0, 6.0))

    def add(
        self,
        x: str,
        conv: str,
        norm: str,
        *,
        side: int,
        stride: int = 1,
        groups: int = 1,
        activate: bool = True,
    ) -> str:
        """A convolution with its batch norm folded in, TensorFlow's "same" padding, ReLU6 after."""
        kernel = self.state[conv + ".weight"].astype(np.float64)
        variance = self.state[norm + ".running_var"].astype(np.float64)
        gain = self.state[norm + ".weight"] / np.sqrt(variance + BATCH_NORM_EPSILON)
        bias = self.state[norm + ".bias"] - self.state[norm + ".running_mean"] * gain
        total = max((-(-side // stride) - 1) * stride + kernel.shape[-1] - side, 0)
        y = self.graph.add(
            "Conv",
            x,
            self.graph.weight(kernel * gain[:, np.newaxis, np.newaxis, np.newaxis], 0),
            self.graph.constant(bias.astype(np.float32)),
            kernel_shape=list(kernel.shape[2:]),
            strides=[stride, stride],
            pads=[total // 2, total // 2, total - total // 2, total - total // 2],
            group=groups,
        )
        return self.graph.add("Clip", y, self.floor, self.ceiling) if activate else y


def words_graph(state: State, *, quantise: bool) -> bytes:
    """`tokens`, `mask` int64 (n, length) → `sentence` float32 (n, 384): the mean over unmasked tokens."""
    graph = Graph(quantise)
    state = {name.removeprefix("bert."): values for name, values in state.items()}
    x = _embeddings(graph, state)
    mask = graph.add("Cast", "mask", to=TensorProto.FLOAT)
    wide = graph.add("Unsqueeze", mask, graph.constant(np.array([1, 2], np.int64)))
    away = graph.add(
        "Mul", graph.add("Sub", graph.constant(np.float32(1.0)), wide), graph.constant(np.float32(MASKED))
    )
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        seen = _attention(graph, state, name + "attention.self.", x, away)
        seen = _linear(graph, state, name + "attention.output.dense", seen)
        x = _norm(graph, state, name + "attention.output.LayerNorm", graph.add("Add", x, seen))
        inner = _gelu(graph, _linear(graph, state, name + "intermediate.dense", x))
        inner = _linear(graph, state, name + "output.dense", inner)
        x = _norm(graph, state, name + "output.LayerNorm", graph.add("Add", x, inner))
    tall = graph.add("Unsqueeze", mask, graph.constant(np.array([2], np.int64)))
    axis = graph.constant(np.array([1], np.int64))
    total = graph.add("ReduceSum", graph.add("Mul", x, tall), axis, keepdims=0)
    count = graph.add("ReduceSum", tall, axis, keepdims=0)
    graph.nodes.append(helper.make_node("Div", [total, count], ["sentence"], name="sentence"))
    return graph.model(
        [_port(name, TensorProto.INT64, "n", "length") for name in ("tokens", "mask")],
        [_port("sentence", TensorProto.FLOAT, "n", WIDTH)],
        "all-MiniLM-L6-v2 with mean pooling. Apache-2.0; see NOTICE.",
    )


def _embeddings(graph: Graph, state: State) -> str:
    words = graph.table(state["embeddings.word_embeddings.weight"], "tokens")
    places = state["embeddings.position_embeddings.weight"][:MAX_TOKENS]
    places = places + state["embeddings.token_type_embeddings.weight"][0]
    length = graph.add("Shape", "tokens", start=1, end=2)
    zero = graph.constant(np.array([0], np.int64))
    taken = graph.add("Slice", graph.constant(places.astype(np.float32)), zero, length, zero)
    return _norm(graph, state, "embeddings.LayerNorm", graph.add("Add", words, taken))


def _linear(graph: Graph, state: State, name: str, x: str) -> str:
    product = graph.add("MatMul", x, graph.weight(state[name + ".weight"].T, 1))
    return graph.add("Add", product, graph.constant(state[name + ".bias"].astype(np.float32)))


def _norm(graph: Graph, state: State, name: str, x: str) -> str:
    scale, bias = (graph.constant(state[name + part].astype(np.float32)) for part in (".weight", ".bias"))
    return graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)


def _gelu(graph: Graph, x: str) -> str:
    half, one, root = (graph.constant(np.float32(value)) for value in (0.5, 1.0, np.sqrt(2.0)))
    swing = graph.add("Add", graph.add("Erf", graph.add("Div", x, root)), one)
    return graph.add("Mul", graph.add("Mul", x, half), swing)


def _attention(graph: Graph, state: State, name: str, x: str, away: str) -> str:
    apart = graph.constant(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
    query, key, value = (
        graph.add("Reshape", _linear(graph, state, name + part, x), apart)
        for part in ("query", "key", "value")
    )
    query, value = (graph.add("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
    key = graph.add("Transpose", key, perm=[0, 2, 3, 1])
    scale = graph.constant(np.float32(np.sqrt(WIDTH // HEADS)))
    likeness = graph.add("Add", graph.add("Div", graph.add("MatMul", query, key), scale), away)
    mixed = graph.add("MatMul", graph.add("Softmax", likeness, axis=-1), value)
    mixed = graph.add("Transpose", mixed, perm=[0, 2, 1, 3])
    return graph.add("Reshape", mixed, graph.constant(np.array([0, 0, WIDTH], np.int64)))


def _port(name: str, kind: int, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))
