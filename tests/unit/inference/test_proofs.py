from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heimdex.errors import ModelError
from heimdex.inference import proofs
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.proofs import prove
from heimdex.inference.session import Array, SessionOptions
from tests.unit.inference.tiny_graph import tiny_weights

WEIGHTS = np.array([[1, 2], [3, 4]], np.float32)
GIVEN = {"x": np.array([[1, 1]], np.float32)}
OPTIONS = SessionOptions(precision="bf16", batches=(1, 4), threads=1)


def test_a_proof_is_what_the_graph_gives_in_fp32_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tiny_weights(tmp_path, WEIGHTS)
    proof = prove(weights, GIVEN, OPTIONS, tmp_path / "proofs")
    assert np.array_equal(proof.outputs["y"], [[4, 6]])
    monkeypatch.setattr(proofs, "_run", None)
    again = prove(weights, GIVEN, OPTIONS, tmp_path / "proofs")
    assert np.array_equal(again.outputs["y"], [[4, 6]])


def test_other_weights_or_inputs_have_a_proof_of_their_own(tmp_path: Path) -> None:
    other = {"x": GIVEN["x"] * 2}
    prove(tiny_weights(tmp_path, WEIGHTS), GIVEN, OPTIONS, tmp_path / "proofs")
    assert np.array_equal(
        prove(tiny_weights(tmp_path, WEIGHTS), other, OPTIONS, tmp_path / "proofs").outputs["y"], [[8, 12]]
    )
    assert np.array_equal(
        prove(tiny_weights(tmp_path, -WEIGHTS), GIVEN, OPTIONS, tmp_path / "proofs").outputs["y"], [[-4, -6]]
    )


def test_a_damaged_proof_is_made_again(tmp_path: Path) -> None:
    weights = tiny_weights(tmp_path, WEIGHTS)
    prove(weights, GIVEN, OPTIONS, tmp_path / "proofs")
    (kept,) = (tmp_path / "proofs").iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    assert np.array_equal(prove(weights, GIVEN, OPTIONS, tmp_path / "proofs").outputs["y"], [[4, 6]])


@pytest.mark.parametrize(
    "values", [([[4, 6]], [[-6, 4]]), ([[np.nan, 1]], [[np.nan, 1]]), ([[0, 0]], [[0, 0]])]
)
def test_a_graph_that_gives_something_else_each_time_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: tuple[list[list[float]], ...]
) -> None:
    answers = iter({"y": np.array(one, np.float32)} for one in values)

    def run(*_: object) -> dict[str, Array]:
        return next(answers)

    monkeypatch.setattr(proofs, "_run", run)
    with pytest.raises(ModelError, match="other values each time"):
        prove(tiny_weights(tmp_path, WEIGHTS), GIVEN, OPTIONS, tmp_path / "proofs")
    assert not (tmp_path / "proofs").exists()


def test_every_place_of_a_batch_must_hold_the_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tiny_weights(tmp_path, WEIGHTS)
    session = OpenVinoSession(weights, OPTIONS, prove(weights, GIVEN, OPTIONS, None))

    class Wrong:
        """A compiled graph whose second place computes something else."""

        def create_infer_request(self) -> Wrong:
            return self

        def infer(self, _: object) -> dict[str, Array]:
            return {"y": np.array([[4, 6], [6, -4]], np.float32)}

        def output(self, name: str) -> str:
            return name

    assert not session._is_right(Wrong(), 2)
