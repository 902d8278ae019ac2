"""What a graphics card makes of our sessions on torch. Needs torch with CUDA, onnx and numpy, and no more.

    python -m benchmarks.gpu [--models b32 so400m] [--batches 64 256] [--seconds 3]

Graphs of full size with random weights are written here, node by node, as exporters write them: neither a hub
nor open_clip is needed. For each: pictures a second in bf16, with pictures coming from and vectors going to
the processor's memory, and from the card's own; the latter as a share of what a plain bf16 matrix product
reaches on this card; the least cosine to fp32 on the processor.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from heimdex.inference.session import SessionOptions
from heimdex.inference.torch_session import TorchSession
from heimdex.inference.weights import VerifiedFile

PEAK_SIZE = 8192  # of the square matrices whose product is the measure
PARITY_COSINE = 0.999
CHECKED = 4  # pictures whose vectors are compared with fp32 on the processor


@dataclass(frozen=True, kw_only=True)
class Vit:
    """A vision transformer's sizes."""

    name: str
    side: int  # px
    patch: int  # px
    width: int
    layers: int
    heads: int
    inner: int  # width within the MLP
    dim: int  # of the vector
    first: bool  # a token of its own gives the vector, as in CLIP; else the mean of all

    @property
    def tokens(self) -> int:
        """How many places attention sees."""
        return (self.side // self.patch) ** 2 + self.first

    @property
    def flops(self) -> float:
        """Floating-point operations of one picture, products only; a multiply-add counts two."""
        linear = 4 * self.width**2 + 2 * self.width * self.inner
        layer = 2 * self.tokens * linear + 4 * self.tokens**2 * self.width
        patches = 2 * (self.side // self.patch) ** 2 * 3 * self.patch**2 * self.width
        return self.layers * layer + patches + 2 * self.width * self.dim


def _vit(name: str, sizes: str, *, first: bool) -> Vit:
    side, patch, width, layers, heads, inner, dim = map(int, sizes.split())
    return Vit(
        name=name,
        side=side,
        patch=patch,
        width=width,
        layers=layers,
        heads=heads,
        inner=inner,
        dim=dim,
        first=first,
    )


VITS = {  # side, patch, width, layers, heads, width within, dimensions
    "b32": _vit("ViT-B/32", "224 32 768 12 12 3072 512", first=True),
    "l14": _vit("ViT-L/14", "224 14 1024 24 16 4096 768", first=True),
    "so400m": _vit("SigLIP so400m-384", "384 14 1152 27 16 4304 1152", first=False),
}


class Writer:
    """Collects nodes and weights of a graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.noise = np.random.default_rng(7)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node; the name of its output."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        """A tensor in the file."""
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def random(self, *shape: int, spread: float) -> str:
        """Normal noise."""
        return self.constant((self.noise.standard_normal(shape) * spread).astype(np.float32))

    def number(self, value: float) -> str:
        """One number."""
        return self.constant(np.float32(value))

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        """A layer with bias, as exporters write it."""
        product = self.add("MatMul", x, self.random(inputs, outputs, spread=inputs**-0.5))
        return self.add("Add", self.random(outputs, spread=0.02), product)

    def norm(self, x: str, width: int) -> str:
        """Layer norm."""
        scale = self.constant(np.ones(width, np.float32))
        return self.add(
            "LayerNormalization", x, scale, self.random(width, spread=0.02), axis=-1, epsilon=1e-5
        )

    def attention(self, x: str, vit: Vit) -> str:
        """Heads side by side, scores written out."""
        apart = self.constant(np.array([0, vit.tokens, vit.heads, vit.width // vit.heads], np.int64))
        query, key, value = (
            self.add("Reshape", self.linear(x, vit.width, vit.width), apart) for _ in range(3)
        )
        query, value = (self.add("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
        key = self.add("Transpose", key, perm=[0, 2, 3, 1])
        scale = self.number((vit.width // vit.heads) ** -0.5)
        scores = self.add("Mul", self.add("MatMul", query, key), scale)
        seen = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        together = self.constant(np.array([0, vit.tokens, vit.width], np.int64))
        seen = self.add("Reshape", self.add("Transpose", seen, perm=[0, 2, 1, 3]), together)
        return self.linear(seen, vit.width, vit.width)

    def gelu(self, x: str) -> str:
        """x·Φ(x) by erf."""
        swing = self.add("Erf", self.add("Div", x, self.number(2**0.5)))
        return self.add("Mul", self.add("Mul", x, self.add("Add", swing, self.number(1.0))), self.number(0.5))


def write_graph(vit: Vit, path: Path) -> VerifiedFile:
    """The picture half: pixels (n, 3, side, side) → embedding (n, dim)."""
    writer = Writer()
    kernel = writer.random(vit.width, 3, vit.patch, vit.patch, spread=(3 * vit.patch**2) ** -0.5)
    sizes = {"kernel_shape": [vit.patch] * 2, "strides": [vit.patch] * 2}
    patches = writer.add("Conv", "pixels", kernel, **sizes)
    flat = writer.constant(np.array([0, vit.width, (vit.side // vit.patch) ** 2], np.int64))
    x = writer.add("Transpose", writer.add("Reshape", patches, flat), perm=[0, 2, 1])
    if vit.first:  # made of the patches' sum times nought, so that it has their batch
        sums = writer.add("ReduceSum", x, writer.constant(np.array([1], np.int64)), keepdims=1)
        own = writer.add("Mul", sums, writer.number(0.0))
        own = writer.add("Add", own, writer.random(1, 1, vit.width, spread=1.0))
        x = writer.add("Concat", own, x, axis=1)
    x = writer.add("Add", x, writer.random(1, vit.tokens, vit.width, spread=0.5))
    for _ in range(vit.layers):
        x = writer.add("Add", x, writer.attention(writer.norm(x, vit.width), vit))
        inner = writer.gelu(writer.linear(writer.norm(x, vit.width), vit.width, vit.inner))
        x = writer.add("Add", x, writer.linear(inner, vit.inner, vit.width))
    x = writer.norm(x, vit.width)
    if vit.first:
        pooled = writer.add("Gather", x, writer.constant(np.array(0, np.int64)), axis=1)
    else:
        pooled = writer.add("ReduceMean", x, axes=[1], keepdims=0)
    product = writer.add("MatMul", pooled, writer.random(vit.width, vit.dim, spread=vit.width**-0.5))
    writer.nodes.append(helper.make_node("Identity", [product], ["embedding"]))
    graph = helper.make_graph(
        writer.nodes,
        "vit",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, vit.side, vit.side])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", vit.dim])],
        writer.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return VerifiedFile(path=path, sha256=hashlib.sha256(vit.name.encode()).hexdigest())


def peak_flops(device: str) -> float:
    """What a plain product of square bf16 matrices reaches on this card, per second."""
    size = PEAK_SIZE if device == "cuda" else 1024
    one, two = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / seconds_of(lambda: one @ two, device, 1.0)


def seconds_of(work: Callable[[], Any], device: str, for_s: float) -> float:
    """The median time of a piece of work, the card waited for each time."""
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    work()
    wait()
    times: list[float] = []
    end = time.perf_counter() + for_s
    while len(times) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How a model is measured."""

    device: str
    for_s: float  # each figure
    peak: float  # floating-point operations a second that a plain product reaches


def measure(vit: Vit, trial: Trial, batches: list[int]) -> None:
    """Print the lines of one model."""
    with tempfile.TemporaryDirectory() as folder:
        weights = write_graph(vit, Path(folder) / "pictures.onnx")
        few = np.random.default_rng(1).standard_normal((CHECKED, 3, vit.side, vit.side)).astype(np.float32)
        exact = TorchSession(weights, SessionOptions(precision="fp32", batches=(CHECKED,)), device="cpu")
        known = exact.run({"pixels": few})["embedding"]
        exact.close()
        for batch in batches:
            options = SessionOptions(precision="bf16", batches=(batch,), requests=3)
            with TorchSession(weights, options, device=trial.device) as session:
                print(_line(vit, session, batch, trial, (few, known)), flush=True)


def _line(
    vit: Vit, session: TorchSession, batch: int, trial: Trial, checked: tuple[NDArray[Any], NDArray[Any]]
) -> str:
    few, known = checked
    many = np.resize(few, (batch * 6, *few.shape[1:]))
    began = time.perf_counter()
    found = session.run({"pixels": many[:batch]})["embedding"][: len(few)]
    ready_s = time.perf_counter() - began
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(known[: len(found)], axis=1)
    cosine = float(((found * known[: len(found)]).sum(axis=1) / norms).min())
    each_s = seconds_of(lambda: session.run({"pixels": many}), trial.device, trial.for_s) / len(many)
    on_card = torch.from_numpy(many[:batch]).to(trial.device)
    with torch.inference_mode():
        alone_s = seconds_of(lambda: session.program(on_card), trial.device, trial.for_s) / batch
    memory = torch.cuda.max_memory_allocated() / 2**20 if trial.device == "cuda" else 0.0
    share = vit.flops / alone_s / trial.peak
    verdict = "" if cosine >= PARITY_COSINE else " (too small)"
    return (
        f"| {vit.name} | {batch} | {1 / each_s:,.0f} | {1 / alone_s:,.0f} | {share:.2f} | "
        f"{cosine:.5f}{verdict} | {ready_s:.0f} | {memory:,.0f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(VITS), default=["b32", "so400m"])
    parser.add_argument("--batches", nargs="+", type=int, default=[64, 256])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each figure is measured")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: shows that it works")
    given = parser.parse_args()
    peak = peak_flops(given.device)
    card = torch.cuda.get_device_name() if given.device == "cuda" else "the processor"
    print(f"{card}, torch {torch.__version__}; bf16 product: {peak / 1e12:,.2f} TFLOP/s\n")
    print(
        "| model | batch | images/s | images/s on the card | share of the product | cosine | ready, s | MiB |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    trial = Trial(device=given.device, for_s=given.seconds, peak=peak)
    for name in given.models:
        measure(VITS[name], trial, given.batches)


if __name__ == "__main__":
    main()
