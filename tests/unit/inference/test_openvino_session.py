from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heimdex.errors import ModelError
from heimdex.inference import batches, openvino_session
from heimdex.inference.compiled_cache import CompiledCache
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Proof, SessionOptions
from heimdex.inference.weights import VerifiedFile
from tests.onnx_writer import OnnxWriter
from tests.unit.inference.tiny_graph import tiny_weights

WEIGHTS = np.array([[1, 2], [3, 4]], np.float32)
GIVEN = np.array([[1, 1], [2, 0]], np.float32)
PROOF = Proof(inputs={"x": GIVEN[:1]}, outputs={"y": GIVEN[:1] @ WEIGHTS})
WRONG = Proof(inputs={"x": GIVEN[:1]}, outputs={"y": np.array([[4, -6]], np.float32)})


def opened(folder: Path, proof: Proof = PROOF) -> OpenVinoSession:
    weights = tiny_weights(folder / "weights", WEIGHTS)
    options = SessionOptions(precision="fp32", threads=1, batches=(1,), cache_dir=folder / "cache")
    return OpenVinoSession(weights, options, proof)


def blobs(folder: Path) -> list[Path]:
    return sorted((folder / "cache").glob("*.blob"))


def never_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(OpenVinoSession, "_compile", refuse)


def test_a_second_session_takes_the_compiled_graph_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).run({"x": GIVEN})
    assert len(blobs(tmp_path)) == 1
    never_compiles(monkeypatch)
    assert np.array_equal(opened(tmp_path).run({"x": GIVEN})["y"], GIVEN @ WEIGHTS)


@pytest.mark.parametrize("damage", [b"", b"short", None], ids=["empty", "cut", "one bit"])
def test_a_damaged_compiled_graph_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    opened(tmp_path).run({"x": GIVEN})
    (blob,) = blobs(tmp_path)
    sound = blob.read_bytes()
    blob.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]) if damage is None else damage)
    assert np.array_equal(opened(tmp_path).run({"x": GIVEN})["y"], GIVEN @ WEIGHTS)
    assert blobs(tmp_path)[0].stat().st_size >= len(sound) - 64


def test_sound_bytes_that_are_no_graph_are_made_again(tmp_path: Path) -> None:
    opened(tmp_path).run({"x": GIVEN})
    (blob,) = blobs(tmp_path)
    CompiledCache(blob.parent).write(blob.stem, b"a graph of another OpenVINO")
    assert np.array_equal(opened(tmp_path).run({"x": GIVEN})["y"], GIVEN @ WEIGHTS)


def test_a_cached_graph_that_computes_something_else_is_not_believed(tmp_path: Path) -> None:
    other = tiny_weights(tmp_path / "other", np.array([[3, -4], [1, -2]], np.float32))
    options = SessionOptions(precision="fp32", threads=1, batches=(1,), cache_dir=tmp_path / "elsewhere")
    OpenVinoSession(other, options).run({"x": GIVEN})
    opened(tmp_path).run({"x": GIVEN})
    (mine,), (theirs,) = blobs(tmp_path), (tmp_path / "elsewhere").glob("*.blob")
    mine.write_bytes(theirs.read_bytes())
    assert np.array_equal(opened(tmp_path).run({"x": GIVEN})["y"], GIVEN @ WEIGHTS)


def test_a_graph_that_fails_its_proof_is_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"wrong values.*precision fp32"):
        opened(tmp_path, WRONG).run({"x": GIVEN})
    assert blobs(tmp_path) == []


@pytest.mark.parametrize("change", ["weights", "processor", "precision", "batch"])
def test_the_key_of_a_compiled_graph_changes_with_everything_it_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    weights = tiny_weights(tmp_path, WEIGHTS)
    options = SessionOptions(precision="fp32", batches=(1, 4))
    before = OpenVinoSession(weights, options)._key(1)
    size = 1
    if change == "weights":
        weights = tiny_weights(tmp_path / "more", WEIGHTS + 1)
    elif change == "processor":
        monkeypatch.setattr(openvino_session, "processor", lambda: "another")
    elif change == "precision":
        options = SessionOptions(precision="bf16", batches=(1, 4))
    else:
        size = 4
    assert OpenVinoSession(weights, options)._key(size) != before


def test_a_cache_folder_that_cannot_be_made_only_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert np.array_equal(opened(tmp_path).run({"x": GIVEN})["y"], GIVEN @ WEIGHTS)


def test_a_file_that_is_no_graph_is_named_in_the_error(tmp_path: Path) -> None:
    weights = tiny_weights(tmp_path, WEIGHTS)
    weights.path.write_bytes(b"not a graph")
    with pytest.raises(ModelError, match=r"tiny\.onnx cannot be compiled"):
        OpenVinoSession(weights, SessionOptions()).run({"x": GIVEN})


@pytest.mark.parametrize(
    "options",
    [SessionOptions(batches=()), SessionOptions(batches=(0,)), SessionOptions(requests=0)],
    ids=["no batch", "batch of none", "no request"],
)
def test_options_without_sense_are_refused(tmp_path: Path, options: SessionOptions) -> None:
    with pytest.raises(ModelError, match="cannot be opened"):
        OpenVinoSession(tiny_weights(tmp_path, WEIGHTS), options)


@pytest.mark.parametrize(
    ("count", "sizes", "plan"),
    [
        (0, (1, 16), []),
        (3, (1, 16), [(0, 1), (1, 1), (2, 1)]),
        (8, (1, 16), [(0, 16)]),
        (35, (1, 16), [(0, 16), (16, 16), (32, 1), (33, 1), (34, 1)]),
        (5, (4,), [(0, 4), (4, 4)]),
    ],
)
def test_a_remainder_is_padded_where_it_fills_half_a_batch(
    count: int, sizes: tuple[int, ...], plan: list[tuple[int, int]]
) -> None:
    assert list(batches.plan(count, sizes)) == plan


def test_a_session_brings_no_telemetry_and_asks_no_network(tmp_path: Path) -> None:
    weights = tiny_weights(tmp_path, WEIGHTS)
    program = f"""
import json, socket, sys
def refuse(*_, **__): raise SystemExit("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
import numpy as np
from pathlib import Path
from heimdex.inference.compiled_cache import CompiledCache
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import SessionOptions
from heimdex.inference.weights import VerifiedFile
early = "openvino" in sys.modules
file = VerifiedFile(path=Path({str(weights.path)!r}), sha256="0")
found = OpenVinoSession(file, SessionOptions()).run({{"x": np.ones((1, 2), np.float32)}})
print(json.dumps([early, found["y"].tolist(), sorted(n for n in sys.modules if "telemetry" in n)]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, [[4, 6]], []]
    assert done.stderr == ""


def ladder(folder: Path) -> VerifiedFile:
    """X (n, m) → inner = x · 2 → y = inner + 1, both named."""
    writer = OnnxWriter()
    given = writer.input("x", "float32", (None, None))
    inner = writer.named("Mul", "inner", given, writer.constant(2.0))
    writer.named("Add", "y", inner, writer.constant(1.0))
    writer.output("y", "float32", (None, None))
    path = writer.save(folder / "ladder.onnx")
    return VerifiedFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_tensor_inside_a_graph_can_be_asked_for_also_from_the_cache(tmp_path: Path) -> None:
    options = SessionOptions(precision="fp32", batches=(1,), cache_dir=tmp_path / "cache", outputs=("inner",))
    for _ in range(2):
        session = OpenVinoSession(ladder(tmp_path), options)
        assert [port.name for port in session.outputs] == ["inner"]
        found = session.run({"x": GIVEN})
        assert found.keys() == {"inner"}
        assert np.array_equal(found["inner"], GIVEN * 2)
    assert len(blobs(tmp_path)) == 1


def test_a_tensor_that_is_not_there_is_named(tmp_path: Path) -> None:
    session = OpenVinoSession(ladder(tmp_path), SessionOptions(outputs=("deeper",)))
    with pytest.raises(ModelError, match="no tensor deeper"):
        session.run({"x": GIVEN})


def test_sizes_a_graph_leaves_free_can_be_fixed(tmp_path: Path) -> None:
    weights = ladder(tmp_path)
    free = OpenVinoSession(weights, SessionOptions(precision="fp32", batches=(1,)))
    fixed = OpenVinoSession(weights, SessionOptions(precision="fp32", batches=(1,), sizes={"x": (2,)}))
    assert (free.inputs[0].shape, fixed.inputs[0].shape) == ((None, None), (None, 2))
    assert free._key(1) != fixed._key(1)
    assert np.array_equal(fixed.run({"x": GIVEN})["y"], GIVEN * 2 + 1)
    with pytest.raises(ModelError, match="takes x as"):
        fixed.run({"x": np.ones((1, 3), np.float32)})
