"""One's own checkpoints, exported: OpenCLIP's and transformers', and what must be refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heimdex.errors import ModelError, ModelUnavailable, UsageError, WeightsCorrupt
from heimdex.inference.checkpoints import Hints
from heimdex.inference.export import PICTURES, WORDS, ExportOptions, export
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import SessionOptions
from heimdex.inference.tokens import MarkedTokenizer, Marks
from heimdex.inference.weights import open_weights

open_clip = pytest.importorskip("open_clip")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
transformers.utils.logging.set_verbosity_error()  # of models made here, which are no models of ours
transformers.utils.logging.disable_progress_bar()

SIDE, LENGTH, DIM = 64, 24, 32
OPEN_CLIP: dict[str, Any] = {
    "embed_dim": DIM,
    "vision_cfg": {"image_size": SIDE, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": LENGTH, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}
PREPARING = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic"}
MARKS = Marks(begin="<|startoftext|>", end="<|endoftext|>", padding=0)


def open_clip_model(config: dict[str, Any]) -> Any:
    torch.manual_seed(3)
    model = open_clip.model.CLIP(**config).eval()
    with torch.no_grad():  # as they are made, layers do next to nothing, and no activation would show
        for name, values in model.named_parameters():
            if "weight" in name and values.ndim == 2:
                values.normal_(0, 0.3)
    return model


@pytest.fixture
def open_clip_folder(tmp_path: Path) -> Path:
    return written(tmp_path / "own", OPEN_CLIP | {"quick_gelu": True})


def written(folder: Path, config: dict[str, Any]) -> Path:
    folder.mkdir()
    content = {"model_cfg": config, "preprocess_cfg": PREPARING}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    torch.save(open_clip_model(config).state_dict(), folder / "open_clip_pytorch_model.bin")
    return folder


@pytest.fixture
def options(tmp_path: Path) -> ExportOptions:
    return ExportOptions(name="own", models_dir=tmp_path / "models", licence="MIT")


def run(folder: Path, name: str, port: str, given: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    session = OpenVinoSession(open_weights(folder, name), SessionOptions(precision="fp32", batches=(1, 2)))
    return session.run({port: given})["embedding"]


def least_cosine(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> float:
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return float(((one * two).sum(axis=1) / norms).min())


def test_an_open_clip_checkpoint_gives_its_own_vectors_in_any_batch_and_length(
    open_clip_folder: Path, options: ExportOptions
) -> None:
    made = export(open_clip_folder, options)
    model = open_clip_model(OPEN_CLIP | {"quick_gelu": True})
    pixels = np.random.default_rng(0).standard_normal((3, 3, SIDE, SIDE)).astype(np.float32)
    texts = ["a dog", "two cats on a red sofa", ""]
    tokens = open_clip.tokenizer.SimpleTokenizer(context_length=LENGTH)(texts)
    with torch.inference_mode():
        pictures, words = model.encode_image(torch.from_numpy(pixels)), model.encode_text(tokens)
    assert least_cosine(run(made.folder, PICTURES, "pixels", pixels), pictures.numpy()) >= 0.9999
    short = tokens.numpy()[:, :12].astype(np.int64)
    assert least_cosine(run(made.folder, WORDS, "tokens", short), words.numpy()) >= 0.9999
    assert (made.row["activation"], made.row["mean"], made.row["resize"]) == ("quick_gelu", [0.5] * 3, "crop")


@pytest.mark.parametrize(
    "text", ["a dog", "Don't!", "  ÄÖÜ   naïve  ", "日本語 🙂🎉", "", "it's 2,000.5 km/h", "x" * 300]
)
def test_clips_own_tokenizer_is_written_as_open_clip_has_it(
    open_clip_folder: Path, options: ExportOptions, text: str
) -> None:
    made = export(open_clip_folder, options)
    tokenizer = MarkedTokenizer(open_weights(made.folder, "tokenizer.json"), MARKS, LENGTH)
    wanted = open_clip.tokenizer.SimpleTokenizer(context_length=LENGTH)([text]).numpy()
    cleaned = " ".join(text.split()).lower()
    assert tokenizer.rows([cleaned], LENGTH).numbers.tolist() == wanted.tolist()


@pytest.mark.parametrize("quick", [True, False])
def test_the_activation_is_the_checkpoints_whatever_the_library_would_take(
    tmp_path: Path, options: ExportOptions, quick: bool
) -> None:
    folder = written(tmp_path / "own", OPEN_CLIP | {"quick_gelu": quick})
    made = export(folder, options)
    pixels = np.random.default_rng(0).standard_normal((2, 3, SIDE, SIDE)).astype(np.float32)
    found = run(made.folder, PICTURES, "pixels", pixels)
    for tried in (True, False):
        with torch.inference_mode():
            model = open_clip_model(OPEN_CLIP | {"quick_gelu": tried})
            wanted = model.encode_image(torch.from_numpy(pixels)).numpy()
        assert np.allclose(found, wanted, atol=1e-3) == (tried is quick)


def test_a_bare_file_needs_its_architecture_and_its_activation(
    tmp_path: Path, options: ExportOptions
) -> None:
    path = tmp_path / "bare.pt"
    torch.save({}, path)
    with pytest.raises(ModelError, match="--architecture"):
        export(path, options)
    with pytest.raises(ModelError, match="--activation"):
        export(
            path,
            ExportOptions(name="own", models_dir=tmp_path, licence="MIT", hints=Hints(architecture="RN50")),
        )


def test_weights_that_carry_code_are_refused_and_the_code_does_not_run(
    open_clip_folder: Path, options: ExportOptions, tmp_path: Path
) -> None:
    trace = tmp_path / "it ran"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (trace,))

    torch.save({"evil": Evil()}, open_clip_folder / "open_clip_pytorch_model.bin")
    with pytest.raises(WeightsCorrupt, match="cannot be read as weights"):
        export(open_clip_folder, options)
    assert not trace.exists()
    assert list(options.models_dir.rglob("*.onnx")) == []


def test_weights_of_another_model_are_refused_and_nothing_is_left(
    open_clip_folder: Path, options: ExportOptions
) -> None:
    other = OPEN_CLIP | {"embed_dim": 48, "quick_gelu": True}
    torch.save(open_clip_model(other).state_dict(), open_clip_folder / "open_clip_pytorch_model.bin")
    with pytest.raises(ModelError, match="does not fit"):
        export(open_clip_folder, options)
    assert list(options.models_dir.rglob("*.onnx")) == []


def test_a_model_that_is_there_is_replaced_only_on_demand(
    open_clip_folder: Path, options: ExportOptions
) -> None:
    export(open_clip_folder, options)
    with pytest.raises(UsageError, match="already"):
        export(open_clip_folder, options)
    again = ExportOptions(name="own", models_dir=options.models_dir, licence="MIT", replace=True)
    assert export(open_clip_folder, again).folder.is_dir()
    assert [path.parent.name for path in options.models_dir.rglob("manifest.json")] == ["own"]


@pytest.mark.parametrize("act", ["quick_gelu", "gelu"])
def test_a_clip_of_transformers_gives_its_own_vectors(
    tmp_path: Path, options: ExportOptions, act: str
) -> None:
    model = transformers.CLIPModel(
        transformers.CLIPConfig(
            projection_dim=DIM,
            text_config=small(
                vocab_size=49408, max_position_embeddings=LENGTH, hidden_act=act, eos_token_id=49407
            ),
            vision_config=small(image_size=SIDE, patch_size=16, hidden_act=act),
        )
    ).eval()
    folder = saved(model, tmp_path / "hf", {"crop_size": {"height": SIDE, "width": SIDE}, "resample": 3})
    config = json.loads((folder / "config.json").read_text())
    for part in ("text_config", "vision_config"):  # newer versions leave out what they take for granted
        config[part]["hidden_act"] = act
    (folder / "config.json").write_text(json.dumps(config))
    clip_tokenizer(folder)
    made = export(folder, options)
    assert made.row["activation"] == act
    assert made.picture_cosine >= 0.9999
    assert made.words_cosine >= 0.9999


def test_a_clip_of_transformers_without_an_activation_is_asked_for_it(
    tmp_path: Path, options: ExportOptions
) -> None:
    folder = tmp_path / "hf"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "clip"}))
    (folder / "preprocessor_config.json").write_text("{}")
    (folder / "pytorch_model.bin").touch()
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    )
    with pytest.raises(ModelError, match="--activation"):
        export(folder, options)


def test_a_siglip_of_transformers_gives_its_own_vectors(tmp_path: Path, options: ExportOptions) -> None:
    model = transformers.SiglipModel(
        transformers.SiglipConfig(
            text_config=small(vocab_size=32000, max_position_embeddings=16),
            vision_config=small(image_size=SIDE, patch_size=16),
        )
    ).eval()
    folder = saved(model, tmp_path / "hf", {"size": {"height": SIDE, "width": SIDE}, "resample": 2})
    pieces = {"model": {"type": "Unigram", "unk_id": 0, "vocab": [[f"p{n}", 0.0] for n in range(32000)]}}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": []} | pieces))
    made = export(folder, options)
    assert (made.row["family"], made.row["tokenizer"], made.row["resize"]) == ("siglip", "siglip", "squash")
    assert (made.row["activation"], made.row["filter"]) == ("gelu_tanh", "bilinear")
    assert min(made.picture_cosine, made.words_cosine) >= 0.9999
    assert made.row["logit_bias"] is not None


def test_a_missing_tokenizer_is_named(tmp_path: Path, options: ExportOptions) -> None:
    text = OPEN_CLIP["text_cfg"] | {"hf_tokenizer_name": "timm/ViT-B-16-SigLIP"}
    folder = written(tmp_path / "own", OPEN_CLIP | {"quick_gelu": False})
    content = {"model_cfg": OPEN_CLIP | {"text_cfg": text}, "preprocess_cfg": PREPARING}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json.*timm/ViT-B-16-SigLIP"):
        export(folder, options)


def small(**others: Any) -> dict[str, Any]:
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    return sizes | others


def saved(model: Any, folder: Path, preparing: dict[str, Any]) -> Path:
    torch.manual_seed(5)
    with torch.no_grad():
        for values in model.parameters():
            if values.ndim == 2:
                values.normal_(0, 0.2)
    model.save_pretrained(folder)
    means = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(means | preparing))
    return folder


def clip_tokenizer(folder: Path) -> None:
    from heimdex.inference.torch_checkpoint import _clip_tokenizer

    (folder / "tokenizer.json").write_text(_clip_tokenizer())
