from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heimdex.errors import ModelError
from heimdex.inference import graphs
from heimdex.inference.graphs import GraphPort, read_graph
from heimdex.inference.weights import VerifiedFile
from tests.onnx_writer import OnnxWriter


def graph(path: Path, *kinds: str) -> VerifiedFile:
    """X (n, 4) → y (n, 3), through these activations in turn."""
    writer = OnnxWriter()
    given = writer.input("x", "float32", (None, 4))
    for kind in kinds:
        given = ACTIVATIONS[kind](writer, given)
    writer.named("MatMul", "y", given, writer.constant(np.ones((4, 3))))
    writer.output("y", "float32", (None, 3))
    writer.save(path)
    return VerifiedFile(path=path, sha256=f"of-{'-'.join(kinds)}")


def quick(writer: OnnxWriter, given: str, slope: float = 1.702) -> str:
    return writer.op("Mul", given, writer.op("Sigmoid", writer.op("Mul", given, writer.constant(slope))))


def erf(writer: OnnxWriter, given: str) -> str:
    inner = writer.op("Erf", writer.op("Mul", given, writer.constant(0.5**0.5)))
    return writer.op("Mul", given, writer.op("Add", inner, writer.constant(1.0)))


def tanh(writer: OnnxWriter, given: str) -> str:
    cube = writer.op("Mul", writer.op("Pow", given, writer.constant(3.0)), writer.constant(0.044715))
    inner = writer.op("Mul", writer.op("Add", given, cube), writer.constant((2 / np.pi) ** 0.5))
    return writer.op("Mul", given, writer.op("Add", writer.op("Tanh", inner), writer.constant(1.0)))


ACTIVATIONS: dict[str, Callable[[OnnxWriter, str], str]] = {
    "gelu": erf,
    "gelu_tanh": tanh,
    "quick_gelu": quick,
    "silu": lambda writer, given: quick(writer, given, 1.0),
    "sigmoid": lambda writer, given: writer.op("Sigmoid", given),
    "tanh": lambda writer, given: writer.op("Tanh", given),
    "relu": lambda writer, given: writer.op("Relu", given),
}


@pytest.mark.parametrize(
    ("kinds", "found"),
    [
        (("gelu", "gelu"), ("gelu",)),
        (("gelu_tanh",), ("gelu_tanh",)),
        (("quick_gelu",), ("quick_gelu",)),
        (("quick_gelu", "gelu", "quick_gelu"), ("quick_gelu", "gelu")),
        (("silu", "sigmoid", "tanh", "relu"), ()),
    ],
    ids=lambda value: "+".join(value) or "none",
)
def test_an_activation_is_told_by_what_the_graph_computes(
    tmp_path: Path, kinds: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert read_graph(graph(tmp_path / "g.onnx", *kinds)).activations == found


def test_activations_are_counted(tmp_path: Path) -> None:
    facts = read_graph(graph(tmp_path / "g.onnx", "gelu", "quick_gelu", "gelu", "gelu_tanh"))
    assert (facts.gelu, facts.quick_gelu, facts.gelu_tanh) == (2, 1, 1)


def test_ports_shapes_and_what_a_classifier_gets_are_read(tmp_path: Path) -> None:
    facts = read_graph(graph(tmp_path / "g.onnx", "relu"))
    assert facts.inputs == (GraphPort(name="x", dtype="float32", shape=(None, 4)),)
    assert facts.outputs == (GraphPort(name="y", dtype="float32", shape=(None, 3)),)
    assert facts.batch_free
    assert facts.pooled is not None
    assert facts.pooled.shape == (None, 4)


def test_a_graph_for_one_item_says_so(tmp_path: Path) -> None:
    writer = OnnxWriter()
    writer.named("Relu", "y", writer.input("x", "float32", (1, 4)))
    writer.output("y", "float32", (1, 4))
    facts = read_graph(VerifiedFile(path=writer.save(tmp_path / "g.onnx"), sha256="one"))
    assert not facts.batch_free
    assert facts.pooled is None


def test_a_graph_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = graph(tmp_path / "g.onnx", "relu", "quick_gelu")
    first = read_graph(file, tmp_path / "memo")
    monkeypatch.setattr(graphs, "read", None)
    assert read_graph(file, tmp_path / "memo") == first


def test_a_damaged_note_is_made_again(tmp_path: Path) -> None:
    file = graph(tmp_path / "g.onnx", "quick_gelu")
    first = read_graph(file, tmp_path / "memo")
    (note,) = (tmp_path / "memo").iterdir()
    for damage in ('{"inputs": 3}', "{", "[]"):
        note.write_text(damage)
        assert read_graph(file, tmp_path / "memo") == first


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"g\.onnx cannot be read as a graph"):
        read_graph(VerifiedFile(path=tmp_path / "g.onnx", sha256="x"))
