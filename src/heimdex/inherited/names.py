"""Settings under the names the systems before this one gave them, and what each stands for here.

`HEIMDEX_*` wins over all of them. Two that disagree are an error that names both, and so is a value that was
retired: it names what took its place. The page docs/reference/settings.md is made of `NAMES`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from heimdex.errors import SettingsError
from heimdex.inherited.picture_model import CHOOSERS, choose_picture_model

FLAGS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
SPEECH_MODELS = ("tiny", "base", "small", "medium", "large-v1", "large-v2", "large-v3", "turbo")
FACE_DETECTORS = ("yunet", "dlib")
FACE_MODELS = ("sface", "dlib")
STRATEGIES = ("best_quality", "top3_max", "top3_mean")

RETIRED = {
    "adaface": "sface",
    "retinaface": "yunet",
    "whisper-medium": "medium, the same weights; or to turbo",
}
"""Values of the past, each with what took its place."""


def flag(text: str) -> bool:
    """Yes or no. Raises ValueError."""
    try:
        return FLAGS[text.strip().lower()]
    except KeyError:
        raise ValueError("true or false is wanted") from None


def word(*known: str) -> Callable[[str], str]:
    """One of some words, in any case. The function raises ValueError."""

    def parse(text: str) -> str:
        found = text.strip().lower()
        if found not in known:
            raise ValueError(f"there are {', '.join(known)}")
        return found

    return parse


def device(text: str) -> str:
    """A device without its number: `cuda:0` is cuda."""
    return text.strip().lower().partition(":")[0]


def unit_length(text: str) -> None:
    """Vectors are of length 1. Raises ValueError where something else is wanted."""
    if not flag(text):
        raise ValueError(
            "vectors are always of length 1 here, because a search compares directions only; remove it"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Inherited:
    """A name of the past. `setting` is the field of Settings it stands for; None: it sets none."""

    name: str
    setting: str | None
    meaning: str
    parse: Callable[[str], Any] = str.strip


NAMES: tuple[Inherited, ...] = (
    Inherited(
        name="CLIP_ENABLED",
        setting="pictures",
        meaning="false: the stage `picture` is skipped, and searches say so.",
        parse=flag,
    ),
    Inherited(name="FEATURE_VISION", setting="pictures", meaning="The same as CLIP_ENABLED.", parse=flag),
    *(Inherited(name=name, setting="picture_model", meaning=meaning) for name, meaning in CHOOSERS.items()),
    Inherited(
        name="VISION_EMBEDDING_DIM",
        setting="picture_dim",
        meaning="Checked against the model, whose graph says how long its vectors are.",
        parse=int,
    ),
    Inherited(
        name="CLIP_MAX_IMAGE_SIZE",
        setting="max_image_px",
        meaning="Refused where it is smaller than the model's input. It has no other effect: models read "
        "kept frames, whose shorter side has 512 px at most.",
        parse=int,
    ),
    Inherited(
        name="CLIP_NORMALIZE",
        setting=None,
        meaning="true changes nothing: every vector is of length 1. false is refused.",
        parse=unit_length,
    ),
    Inherited(name="CLIP_DEVICE", setting="device", meaning="`cuda:0` is `cuda`.", parse=device),
    Inherited(
        name="CLIP_TIMEOUT_S",
        setting="image_timeout_s",
        meaning="Seconds one picture may take.",
        parse=float,
    ),
    Inherited(
        name="CLIP_CPU_THREADS",
        setting="threads",
        meaning="Threads of the inference process.",
        parse=int,
    ),
    Inherited(
        name="CLIP_CACHE_DIR",
        setting="hub_cache_dir",
        meaning="A Hugging Face cache to look for weights in. It is only read.",
    ),
    Inherited(name="TRANSFORMERS_CACHE", setting="hub_cache_dir", meaning="The same as CLIP_CACHE_DIR."),
    Inherited(
        name="CLIP_FRAME_STRATEGY",
        setting="frame_strategy",
        meaning="How a scene's frames make its score.",
        parse=word(*STRATEGIES),
    ),
    Inherited(
        name="CLIP_DEBUG_LOG",
        setting="log_vectors",
        meaning="Logs the model's loading and every vector.",
        parse=flag,
    ),
    Inherited(
        name="ASR_MODEL",
        setting="speech_model",
        meaning="One of " + ", ".join(SPEECH_MODELS) + ".",
        parse=word(*SPEECH_MODELS),
    ),
    Inherited(name="FEATURE_FACE", setting="faces", meaning="Whether faces are looked for.", parse=flag),
    Inherited(
        name="FACE_DETECTOR",
        setting="face_detector",
        meaning="One of " + ", ".join(FACE_DETECTORS) + ".",
        parse=word(*FACE_DETECTORS),
    ),
    Inherited(
        name="FACE_MODEL_NAME",
        setting="face_model",
        meaning="One of " + ", ".join(FACE_MODELS) + ".",
        parse=word(*FACE_MODELS),
    ),
    Inherited(
        name="FACE_RECOGNITION_MODEL",
        setting="face_model",
        meaning="The same as FACE_MODEL_NAME.",
        parse=word(*FACE_MODELS),
    ),
    Inherited(
        name="FACE_MODEL_PATH",
        setting="face_model_file",
        meaning="The face model's file, or the folder of FACE_MODEL_FILE.",
    ),
    Inherited(name="FACE_MODEL_FILE", setting="face_model_file", meaning="The face model's file (ONNX)."),
    Inherited(
        name="FACE_EMBEDDING_DIM",
        setting="face_dim",
        meaning="Checked against the face model, whose graph says how long its vectors are.",
        parse=int,
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The value of a setting, and the names that gave it, each with what was written."""

    value: Any
    said: tuple[str, ...]


def read_inherited(given: Mapping[str, str], taken: Container[str]) -> dict[str, Found]:
    """Values by setting. `given` are variables by their names in capitals; `taken` settings have theirs.

    Raises SettingsError for a value that cannot be, one that was retired, and two that disagree.
    """
    by_setting: dict[str | None, list[Inherited]] = {}
    for name in NAMES:
        if given.get(name.name, "").strip() and name.setting not in taken:
            by_setting.setdefault(name.setting, []).append(name)
    found: dict[str, Found] = {}
    for setting, names in by_setting.items():
        values = {name.name: _parsed(name, given[name.name]) for name in names}
        if setting is None:
            continue
        said = tuple(f"{name}={given[name]}" for name in values)
        if setting == "picture_model":
            value: Any = choose_picture_model(values)
        elif setting == "face_model_file":
            value = _face_file(values)
        else:
            value = _agreed(setting, values, said)
        if value is not None:
            found[setting] = Found(value=value, said=said)
    return found


def _parsed(name: Inherited, text: str) -> Any:
    retired = RETIRED.get(text.strip().lower())
    if retired is not None:
        raise SettingsError(f"{name.name}={text.strip()} was retired; set {name.name} to {retired}.")
    try:
        return name.parse(text)
    except ValueError as error:
        reason = str(error) if name.parse not in (int, float) else "a number is wanted"
        raise SettingsError(f"{name.name}={text.strip()}: {reason}.") from error


def _agreed(setting: str, values: Mapping[str, Any], said: tuple[str, ...]) -> Any:
    first, *others = values.values()
    if any(other != first for other in others):
        mend = f"Remove one of them, or set HEIMDEX_{setting.upper()}, which wins."
        raise SettingsError(f"{' and '.join(said)} disagree. {mend}")
    return first


def _face_file(values: Mapping[str, str]) -> str:
    """The file of a face model out of its path and its name."""
    path, file = values.get("FACE_MODEL_PATH"), values.get("FACE_MODEL_FILE")
    chosen = file or path or ""
    if path and file:
        if path.rstrip("/").endswith(file):
            chosen = path
        elif path.endswith(".onnx") or file.startswith("/"):
            raise SettingsError(
                f"FACE_MODEL_PATH={path} and FACE_MODEL_FILE={file} disagree. Remove one of them, or set "
                "HEIMDEX_FACE_MODEL_FILE, which wins."
            )
        else:
            chosen = f"{path.rstrip('/')}/{file}"
    return chosen
