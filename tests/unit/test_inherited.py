"""Settings under the names of the systems before this one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heimdex.config import Settings, read_settings
from heimdex.encoders import catalog
from heimdex.encoders.row import LoadOptions
from heimdex.encoders.starter import STARTER
from heimdex.entities import Space
from heimdex.errors import SettingsError
from heimdex.inherited.expectations import Expected
from heimdex.inherited.names import NAMES, SPEECH_MODELS
from heimdex.inherited.picture_model import choose_picture_model
from heimdex.pipeline.tools import PictureModel
from tests.unit.inference.tiny_graph import tiny_onnx

ISSUE = (
    "CLIP_ENABLED CLIP_MODEL_NAME CLIP_PRETRAINED CLIP_DEVICE CLIP_NORMALIZE CLIP_TIMEOUT_S "
    "CLIP_MAX_IMAGE_SIZE CLIP_CPU_THREADS CLIP_CACHE_DIR CLIP_FRAME_STRATEGY CLIP_DEBUG_LOG "
    "VISION_MODEL VISION_MODEL_NAME VISION_CLIP_MODEL VISION_CLIP_PRETRAINED VISION_EMBEDDING_DIM "
    "ASR_MODEL CLASSIFIER_MODEL FEATURE_VISION FEATURE_FACE FACE_DETECTOR FACE_MODEL_NAME "
    "FACE_MODEL_FILE FACE_MODEL_PATH FACE_RECOGNITION_MODEL FACE_EMBEDDING_DIM TRANSFORMERS_CACHE"
).split()

CHOICES: tuple[dict[str, str], ...] = (
    {"VISION_MODEL": "openclip"},
    {"CLIP_MODEL_NAME": "ViT-B-16"},
    {"CLIP_MODEL_NAME": "ViT-L-14"},
    {"CLIP_PRETRAINED": "laion2b_s34b_b79k"},
    {"VISION_MODEL": "siglip"},
    {"VISION_MODEL": "siglip2"},
    {"CLASSIFIER_MODEL": "resnet50"},
)


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name.name, raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, **variables)
    return str(caught.value)


def test_every_name_that_was_promised_is_known_and_sets_something_there_is() -> None:
    assert {name.name for name in NAMES} == set(ISSUE)
    assert {name.setting for name in NAMES} - {None} <= set(Settings.model_fields)


@pytest.mark.parametrize(
    ("variable", "text", "setting", "value"),
    [
        ("CLIP_ENABLED", "false", "pictures", False),
        ("FEATURE_VISION", "0", "pictures", False),
        ("CLIP_DEVICE", "CPU", "device", "cpu"),
        ("CLIP_TIMEOUT_S", "3.5", "image_timeout_s", 3.5),
        ("CLIP_CPU_THREADS", "3", "threads", 3),
        ("CLIP_MAX_IMAGE_SIZE", "448", "max_image_px", 448),
        ("CLIP_CACHE_DIR", "/models/hub", "hub_cache_dir", Path("/models/hub")),
        ("TRANSFORMERS_CACHE", "/models/hub", "hub_cache_dir", Path("/models/hub")),
        ("CLIP_FRAME_STRATEGY", "top3_mean", "frame_strategy", "top3_mean"),
        ("CLIP_DEBUG_LOG", "true", "log_vectors", True),
        ("CLIP_NORMALIZE", "true", "pictures", True),
        ("VISION_EMBEDDING_DIM", "1152", "picture_dim", 1152),
        ("ASR_MODEL", "large-v3", "speech_model", "large-v3"),
        ("FEATURE_FACE", "yes", "faces", True),
        ("FACE_DETECTOR", "YuNet", "face_detector", "yunet"),
        ("FACE_MODEL_NAME", "sface", "face_model", "sface"),
        ("FACE_RECOGNITION_MODEL", "dlib", "face_model", "dlib"),
        ("FACE_MODEL_FILE", "/models/faces.onnx", "face_model_file", Path("/models/faces.onnx")),
        ("FACE_EMBEDDING_DIM", "128", "face_dim", 128),
    ],
)
def test_a_name_of_the_past_sets_what_it_stands_for(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, setting: str, value: object
) -> None:
    assert getattr(read(monkeypatch, **{variable: text}), setting) == value


def test_none_of_them_set_is_as_if_they_did_not_exist() -> None:
    settings = read_settings()
    assert (settings.picture_model, settings.frame_strategy, settings.pictures) == (
        "starter",
        "top3_max",
        True,
    )


@pytest.mark.parametrize(
    ("variables", "model"),
    [
        ({"CLIP_MODEL_NAME": "ViT-L-14"}, "ViT-L-14/openai"),
        ({"CLIP_PRETRAINED": "laion2b_s34b_b79k"}, "ViT-B-32/laion2b_s34b_b79k"),
        (
            {"CLIP_MODEL_NAME": "ViT-B-16", "CLIP_PRETRAINED": "laion2b_s34b_b88k"},
            "ViT-B-16/laion2b_s34b_b88k",
        ),
        ({"CLIP_MODEL_NAME": "openai/clip-vit-base-patch32"}, "openai/clip-vit-base-patch32"),
        ({"VISION_MODEL": "openclip"}, "ViT-B-32/openai"),
        ({"VISION_MODEL": "openclip", "VISION_CLIP_MODEL": "ViT-L-14"}, "ViT-L-14/openai"),
        ({"VISION_MODEL": "openclip", "CLIP_MODEL_NAME": "ViT-B-16"}, "ViT-B-16/openai"),
        ({"VISION_CLIP_MODEL": "ViT-B-16", "CLIP_MODEL_NAME": "ViT-B-16"}, "ViT-B-16/openai"),
        ({"VISION_MODEL": "siglip"}, "google/siglip-so400m-patch14-384"),
        ({"VISION_MODEL": "siglip2"}, "google/siglip2-base-patch32-256"),
        ({"VISION_MODEL": "SigLIP", "VISION_CLIP_MODEL": "ViT-B-32"}, "google/siglip-so400m-patch14-384"),
        (
            {"VISION_MODEL": "siglip2", "VISION_MODEL_NAME": "google/siglip2-base-patch16-256"},
            "google/siglip2-base-patch16-256",
        ),
        (
            {"VISION_MODEL": "openclip", "VISION_MODEL_NAME": "google/siglip-so400m-patch14-384"},
            "ViT-B-32/openai",
        ),
        ({"VISION_MODEL_NAME": "google/siglip-so400m-patch14-384"}, "google/siglip-so400m-patch14-384"),
        ({"CLASSIFIER_MODEL": "clip"}, "ViT-B-32/openai"),
        ({"CLASSIFIER_MODEL": "clip", "CLIP_MODEL_NAME": "ViT-L-14"}, "ViT-L-14/openai"),
        ({"CLASSIFIER_MODEL": "resnet50"}, "resnet50"),
        (
            {"CLIP_MODEL_NAME": "ViT-B-32", "VISION_MODEL_NAME": "openai/clip-vit-base-patch32"},
            "ViT-B-32/openai",
        ),
    ],
)
def test_four_ways_to_choose_a_picture_model(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], model: str
) -> None:
    assert read(monkeypatch, **variables).picture_model == model


@pytest.mark.parametrize(
    "variables",
    [
        {"CLIP_ENABLED": "true", "FEATURE_VISION": "false"},
        {"CLIP_CACHE_DIR": "/one", "TRANSFORMERS_CACHE": "/two"},
        {"FACE_MODEL_NAME": "sface", "FACE_RECOGNITION_MODEL": "dlib"},
        {"FACE_MODEL_PATH": "/a/faces.onnx", "FACE_MODEL_FILE": "other.onnx"},
        {"CLIP_MODEL_NAME": "ViT-B-32", "VISION_MODEL": "siglip"},
        {"CLIP_MODEL_NAME": "ViT-B-32", "VISION_CLIP_MODEL": "ViT-L-14"},
        {"CLIP_MODEL_NAME": "ViT-B-32", "CLASSIFIER_MODEL": "resnet50"},
        {"CLASSIFIER_MODEL": "clip", "VISION_MODEL": "siglip2"},
        {"CLASSIFIER_MODEL": "clip", "VISION_MODEL_NAME": "google/siglip-so400m-patch14-384"},
        {"VISION_MODEL": "siglip", "VISION_MODEL_NAME": "google/siglip2-base-patch16-256"},
    ],
)
def test_two_that_disagree_are_named_with_the_mend_and_heimdex_s_own_name_settles_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    message = refusal(monkeypatch, **variables)
    assert all(f"{name}={value}" in message for name, value in variables.items())
    assert "Remove one of them, or set HEIMDEX_" in message
    own = message.partition("set HEIMDEX_")[2].partition(",")[0]
    value = {"PICTURES": "true", "FACE_MODEL": "sface"}.get(own, "anything")
    read(monkeypatch, **{f"HEIMDEX_{own}": value})


@pytest.mark.parametrize(
    ("variable", "value", "instead"),
    [
        ("FACE_MODEL_NAME", "adaface", "sface"),
        ("FACE_RECOGNITION_MODEL", "AdaFace", "sface"),
        ("FACE_DETECTOR", "retinaface", "yunet"),
        ("ASR_MODEL", "whisper-medium", "medium"),
    ],
)
def test_a_retired_value_is_refused_with_what_took_its_place(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, instead: str
) -> None:
    message = refusal(monkeypatch, **{variable: value})
    assert f"{variable}={value} was retired" in message
    assert f"set {variable} to {instead}" in message


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CLIP_NORMALIZE", "false", "always of length 1"),
        ("CLIP_ENABLED", "perhaps", "true or false"),
        ("CLIP_TIMEOUT_S", "soon", "a number"),
        ("CLIP_TIMEOUT_S", "-1", "greater than 0"),
        ("CLIP_CPU_THREADS", "0", "greater than or equal to 1"),
        ("CLIP_FRAME_STRATEGY", "worst", "best_quality, top3_max, top3_mean"),
        ("CLIP_DEVICE", "abacus", "'cpu'"),
        ("ASR_MODEL", "huge", "large-v3, turbo"),
        ("VISION_MODEL", "dino", "openclip, siglip, siglip2"),
        ("CLASSIFIER_MODEL", "svm", "clip, resnet50"),
        ("FACE_DETECTOR", "haar", "yunet, dlib"),
        ("VISION_EMBEDDING_DIM", "many", "a number"),
    ],
)
def test_a_wrong_value_is_named_with_the_variable_that_holds_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    message = refusal(monkeypatch, **{variable: value})
    assert f"{variable}={value}" in message
    assert says in message


def test_heimdex_s_own_names_win_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("HEIMDEX_THREADS=5\nCLIP_TIMEOUT_S=9\nFACE_DETECTOR=retinaface\n")
    monkeypatch.setenv("CLIP_CPU_THREADS", "7")
    monkeypatch.setenv("HEIMDEX_FACE_DETECTOR", "yunet")
    settings = read_settings()
    assert (settings.threads, settings.image_timeout_s, settings.face_detector) == (5, 9.0, "yunet")
    assert read_settings(image_timeout_s=1.0).image_timeout_s == 1.0, "and what is given in the call over all"


def test_the_environment_wins_over_the_file_for_names_of_the_past_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("CLIP_TIMEOUT_S=9\nCLIP_CPU_THREADS=\n")
    assert read(monkeypatch, CLIP_TIMEOUT_S="4").image_timeout_s == 4.0


def test_a_face_model_s_folder_and_file_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, FACE_MODEL_PATH="/models/faces/", FACE_MODEL_FILE="sface.onnx")
    assert settings.face_model_file == Path("/models/faces/sface.onnx")
    settings = read(monkeypatch, FACE_MODEL_PATH="/models/faces/sface.onnx", FACE_MODEL_FILE="sface.onnx")
    assert settings.face_model_file == Path("/models/faces/sface.onnx")


def described(
    name: str, dims: tuple[int, ...], input_px: int, models_dir: Path | None = None
) -> PictureModel:
    return PictureModel(
        row=replace(STARTER, name=name, input_size=input_px),
        options=LoadOptions(models_dir=models_dir),
        spaces=tuple(Space(model=name, name=str(number), dim=dim) for number, dim in enumerate(dims)),
        weights_sha256="",
    )


def test_what_is_expected_of_a_model_is_refused_with_the_right_number() -> None:
    model = described("ViT-B-32", (512,), 224)
    Expected(dim=512, most_px=224).check(model)
    Expected().check(model)
    with pytest.raises(
        SettingsError, match=r"VISION_EMBEDDING_DIM is 768, .* ViT-B-32 gives vectors of 512\."
    ):
        Expected(dim=768).check(model)
    with pytest.raises(SettingsError, match=r"CLIP_MAX_IMAGE_SIZE is 224, .* so400m looks at 384 px"):
        Expected(most_px=224).check(described("so400m", (1152,), 384))


def test_the_length_of_a_face_is_read_from_the_graph(tmp_path: Path) -> None:
    model = described("starter", (1000, 1280), 224, tmp_path / "models")
    Expected(face_dim=512).check(model)  # not installed: nobody can say
    file = tmp_path / "faces.onnx"
    file.write_bytes(tiny_onnx(np.ones((3, 5), np.float32)))
    Expected(face_dim=5, face_model_file=file).check(model)
    with pytest.raises(SettingsError, match=r"FACE_EMBEDDING_DIM is 7, .* sface gives vectors of 5\."):
        Expected(face_dim=7, face_model_file=file).check(model)
    with pytest.raises(SettingsError, match=r"no face model at .*nowhere\.onnx"):
        Expected(face_dim=7, face_model_file=tmp_path / "nowhere.onnx").check(model)


def test_the_models_that_names_of_the_past_choose_are_in_the_catalog() -> None:
    names = {choose_picture_model(given) for given in CHOICES}
    found = {catalog.find(name).name for name in names if name is not None}
    assert len(found) == len(names) == len(CHOICES)
    assert {f"faster-whisper-{size}" for size in SPEECH_MODELS} <= {row.name for row in catalog.ROWS}
