"""What every session owes."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from heimdex.errors import ModelError
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Array, Precision, Proof, Session, SessionOptions
from tests.unit.inference.tiny_graph import tiny_weights

ROWS, COLUMNS = 3, 2
WEIGHTS = np.array([[1, 0], [0, 1], [2, -1]], np.float32)


def openvino(folder: Path, batches: tuple[int, ...], precision: Precision) -> Session:
    options = SessionOptions(
        batches=batches, precision=precision, threads=1, requests=2, cache_dir=folder / "compiled"
    )
    proof = Proof(inputs={"x": np.ones((1, ROWS), np.float32)}, outputs={"y": np.array([[3, 0]], np.float32)})
    return OpenVinoSession(tiny_weights(folder, WEIGHTS), options, proof)


def torch(folder: Path, batches: tuple[int, ...], precision: Precision) -> Session:
    from heimdex.inference.torch_session import TorchSession

    options = SessionOptions(batches=batches, precision=precision, threads=1, requests=2)
    proof = Proof(inputs={"x": np.ones((1, ROWS), np.float32)}, outputs={"y": np.array([[3, 0]], np.float32)})
    return TorchSession(tiny_weights(folder, WEIGHTS), options, proof, device="cpu")


@pytest.fixture(params=[(1,), (1, 4), (4,), (2, 8)], ids=str)
def batches(request: pytest.FixtureRequest) -> tuple[int, ...]:
    given: tuple[int, ...] = request.param
    return given


WITHOUT_TORCH = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("onnx") is None, reason="torch is an extra; `make parity` has it"
)


@pytest.fixture(params=[openvino, pytest.param(torch, marks=WITHOUT_TORCH)])
def kind(request: pytest.FixtureRequest) -> Callable[[Path, tuple[int, ...], Precision], Session]:
    made: Callable[[Path, tuple[int, ...], Precision], Session] = request.param
    return made


@pytest.fixture(params=["fp32", "auto", "bf16"])
def session(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    kind: Callable[[Path, tuple[int, ...], Precision], Session],
    batches: tuple[int, ...],
) -> Session:
    return kind(tmp_path, batches, request.param)


def some(count: int) -> Array:
    # Whole numbers below 256: bf16 holds them and their products exactly.
    return np.arange(count * ROWS, dtype=np.float32).reshape(count, ROWS) % 16


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 21])
def test_every_item_comes_back_in_its_place_whatever_the_batch(session: Session, count: int) -> None:
    given = some(count)
    assert np.array_equal(session.run({"x": given})["y"], given @ WEIGHTS)


def test_no_items_give_no_results_of_the_right_shape(session: Session) -> None:
    found = session.run({"x": some(0)})["y"]
    assert found.shape == (0, COLUMNS)
    assert found.dtype == np.float32


def test_ports_are_what_the_graph_says_with_a_free_batch(session: Session) -> None:
    assert [(port.name, port.shape, port.dtype) for port in session.inputs] == [
        ("x", (None, ROWS), np.dtype(np.float32))
    ]
    assert [(port.name, port.shape) for port in session.outputs] == [("y", (None, COLUMNS))]


def test_a_result_is_not_overwritten_by_the_next_run(session: Session) -> None:
    first = session.run({"x": some(3)})["y"]
    kept = first.copy()
    session.run({"x": some(3) + 7})
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    "given",
    [
        {"z": np.zeros((1, ROWS), np.float32)},
        {},
        {"x": np.zeros((1, ROWS + 1), np.float32)},
        {"x": np.zeros((1, ROWS), np.float64)},
        {"x": np.zeros(ROWS, np.float32)},
    ],
    ids=["another name", "nothing", "too wide", "double", "no batch"],
)
def test_what_does_not_fit_is_refused(session: Session, given: dict[str, Array]) -> None:
    with pytest.raises(ModelError, match="takes"):
        session.run(given)


def test_a_closed_session_says_so(session: Session) -> None:
    session.run({"x": some(1)})
    session.close()
    with pytest.raises(ModelError, match="closed"):
        session.run({"x": some(1)})


def test_a_session_says_what_it_runs_on(session: Session, batches: tuple[int, ...]) -> None:
    assert session.device == "cpu"
    assert session.precision in ("fp32", "bf16")
    assert session.batch == max(batches) * 2
