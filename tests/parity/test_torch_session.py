"""Torch and OpenVINO over the same graphs, on the processor: what a card computes is `benchmarks.gpu`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Proof, SessionOptions
from heimdex.inference.weights import VerifiedFile

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
open_clip = pytest.importorskip("open_clip")
pytest.importorskip("transformers")

from heimdex.inference import torch_checkpoint  # noqa: E402  # needs what was just asked for
from heimdex.inference.torch_session import TorchSession  # noqa: E402

SIDE, LENGTH, DIM = 64, 24, 32
CONFIG: dict[str, Any] = {
    "embed_dim": DIM,
    "vision_cfg": {"image_size": SIDE, "layers": 3, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": LENGTH, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 3},
}
RESNET: dict[str, Any] = CONFIG | {
    "vision_cfg": {"image_size": SIDE, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}
}


def model(config: dict[str, Any] = CONFIG, **others: Any) -> Any:
    torch.manual_seed(2)
    made = open_clip.model.CLIP(**(config | others)).eval().requires_grad_(False)
    for name, values in made.named_parameters():
        if values.ndim == 2 and "weight" in name:
            values.normal_(0, 0.2)
    return made


def pictures_graph(folder: Path, made: Any) -> VerifiedFile:
    path = folder / "pictures.onnx"
    torch_checkpoint.write_graph(
        torch_checkpoint.Half(made, "encode_image"),
        np.zeros((2, 3, SIDE, SIDE), np.float32),
        path,
        {"pixels": {0: "n"}, "embedding": {0: "n"}},
    )
    return VerifiedFile(path=path, sha256=f"{hash(path.read_bytes())}")


def words_graph(folder: Path, made: Any) -> VerifiedFile:
    path = folder / "words.onnx"
    torch_checkpoint.write_graph(
        torch_checkpoint.ShortWords(made),
        np.ones((2, LENGTH), np.int64),
        path,
        {"tokens": {0: "n", 1: "length"}, "embedding": {0: "n"}},
    )
    return VerifiedFile(path=path, sha256=f"{hash(path.read_bytes())}")


def options(precision: Any = "fp32", outputs: tuple[str, ...] = ()) -> SessionOptions:
    return SessionOptions(precision=precision, batches=(1, 4), threads=1, outputs=outputs)


def some_pixels(count: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(count).standard_normal((count, 3, SIDE, SIDE)).astype(np.float32)


def some_tokens(count: int, length: int) -> np.ndarray[Any, Any]:
    tokens = np.random.default_rng(count).integers(1, 49000, (count, length), dtype=np.int64)
    tokens[:, -1] = 49407
    return tokens


def least_cosine(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> float:
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return float(((one * two).sum(axis=1) / norms).min())


@pytest.mark.parametrize(
    "config", [CONFIG, CONFIG | {"quick_gelu": True}, RESNET], ids=["gelu", "quick", "resnet"]
)
@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.9999), ("bf16", 0.999)])
def test_pictures_get_the_vectors_the_model_itself_gives(
    tmp_path: Path, config: dict[str, Any], precision: str, least: float
) -> None:
    made = model(config)
    given = some_pixels(5)
    file = pictures_graph(tmp_path, made)
    session = TorchSession(file, options(precision=precision), device="cpu")
    if (
        config is RESNET
    ):  # its attention is not written as it is: only what both make of the graph is compared
        wanted = OpenVinoSession(file, options()).run({"pixels": given})["embedding"]
    else:
        with torch.inference_mode():
            wanted = made.encode_image(torch.from_numpy(given)).numpy()
    assert least_cosine(session.run({"pixels": given})["embedding"], wanted) >= least


@pytest.mark.parametrize("length", [8, 16, LENGTH])
@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.9999), ("bf16", 0.998)])
def test_texts_of_any_length_get_the_vectors_of_openvino(
    tmp_path: Path, length: int, precision: str, least: float
) -> None:
    file = words_graph(tmp_path, model())
    given = {"tokens": some_tokens(3, length)}
    wanted = OpenVinoSession(file, options()).run(given)["embedding"]
    found = TorchSession(file, options(precision=precision), device="cpu").run(given)["embedding"]
    assert least_cosine(found, wanted) >= least


def test_attention_is_put_together_wherever_it_stands(tmp_path: Path) -> None:
    session = TorchSession(pictures_graph(tmp_path, model()), options(), device="cpu")
    assert [node.op_type for node in session._read().nodes].count("Attention") == 3
    assert "Softmax" not in [node.op_type for node in session._read().nodes]


def test_a_tensor_inside_the_graph_can_be_asked_for(tmp_path: Path) -> None:
    file = pictures_graph(tmp_path, model())
    inner = next(
        node.output[0]
        for node in onnx.load(str(file.path)).graph.node
        if node.op_type == "LayerNormalization"
    )
    given = {"pixels": some_pixels(2)}
    asked = options(outputs=(inner,))
    session = TorchSession(file, asked, device="cpu")
    found, wanted = session.run(given), OpenVinoSession(file, asked).run(given)
    assert list(found) == [inner]
    assert session.outputs[0].shape == (None, *wanted[inner].shape[1:])
    assert np.allclose(found[inner], wanted[inner], atol=1e-4)
    with pytest.raises(ModelError, match="no tensor nothing"):
        TorchSession(file, options(outputs=("nothing",)), device="cpu").run(given)


def test_values_that_differ_from_the_proof_are_refused(tmp_path: Path) -> None:
    file = pictures_graph(tmp_path, model())
    given = some_pixels(1)
    right = TorchSession(file, options(), device="cpu").run({"pixels": given})["embedding"]
    proof = Proof(inputs={"pixels": given}, outputs={"embedding": right[:, ::-1]})
    with pytest.raises(ModelError, match="wrong values"):
        TorchSession(file, options(), proof, device="cpu").run({"pixels": given})


def test_an_operator_without_a_torch_program_is_named(tmp_path: Path) -> None:
    helper = onnx.helper
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 4]) for name in "xy"]
    node = helper.make_node("Hardmax", ["x"], ["y"])
    path = tmp_path / "odd.onnx"
    onnx.save(helper.make_model(helper.make_graph([node], "odd", ports[:1], ports[1:])), str(path))
    session = TorchSession(VerifiedFile(path=path, sha256="odd"), options(), device="cpu")
    with pytest.raises(ModelError, match="Hardmax"):
        session.run({"x": np.zeros((1, 4), np.float32)})


def test_a_file_that_is_no_graph_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a graph at all")
    with pytest.raises(WeightsCorrupt, match=r"broken\.onnx"):
        TorchSession(VerifiedFile(path=path, sha256="x"), options(), device="cpu").run({})


def test_a_card_that_is_not_there_is_an_error_with_a_mend(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    with pytest.raises(ModelUnavailable, match="HEIMDEX_DEVICE=cpu"):
        TorchSession(VerifiedFile(path=tmp_path / "any", sha256="x"), options(), device="cuda")
