"""What a checkpoint on disk says of itself, read before its weights: OpenCLIP's format and Hugging Face's.

The activation is what its own configuration names. Where that is silent it is asked for, not guessed: both
libraries fill in a default, and the vectors it gives look right and are wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from heimdex.errors import ModelError, ModelUnavailable

Format = Literal["open_clip", "clip", "siglip"]
Floats = tuple[float, float, float]

OPEN_CLIP_CONFIG = "open_clip_config.json"
CONFIG = "config.json"
PREPROCESSING = "preprocessor_config.json"
TOKENIZER = "tokenizer.json"
ENDINGS = (".safetensors", ".bin", ".pt", ".pth")
WEIGHTS_NAMES = ("open_clip_model", "open_clip_pytorch_model", "model", "pytorch_model")

ACTIVATIONS = {
    "gelu": "gelu",
    "quick_gelu": "quick_gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}  # transformers' word → ours
FILTERS = {2: "bilinear", 3: "bicubic", "bilinear": "bilinear", "bicubic": "bicubic"}  # Pillow's numbers too
CLIP_MEAN: Floats = (0.48145466, 0.4578275, 0.40821073)  # OpenAI's, of the pictures CLIP learnt from
CLIP_STD: Floats = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hints:
    """What the caller knows where the checkpoint is silent."""

    architecture: str | None = None  # OpenCLIP's name, for a bare file of weights: "ViT-B-32"
    activation: str | None = None  # "gelu", "gelu_tanh" or "quick_gelu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A checkpoint, described."""

    format: Format
    folder: Path
    weights: Path
    config: Mapping[str, Any]  # the library's own; empty where only `architecture` is known
    architecture: str | None
    activation: str
    input_size: int  # px
    mean: Floats
    std: Floats
    resize: str  # "crop" or "squash"
    filter: str  # "bicubic" or "bilinear"
    context_length: int  # tokens


def read_checkpoint(path: Path, hints: Hints) -> Checkpoint:
    """What lies at a path: a folder of OpenCLIP's or Hugging Face's, or one file of weights.

    Raises ModelUnavailable where there is none, ModelError where it cannot be told what it is, what its
    activation is, or where it and the hints disagree.
    """
    folder = path if path.is_dir() else path.parent
    weights = _weights(path)
    if (folder / OPEN_CLIP_CONFIG).exists():
        return _open_clip(weights, folder, _read(folder / OPEN_CLIP_CONFIG), hints)
    if (folder / CONFIG).exists() and hints.architecture is None:
        return _hugging_face(weights, folder, _read(folder / CONFIG), hints)
    if hints.architecture is None:
        raise ModelError(
            f"{path} says nowhere what model it is: neither {OPEN_CLIP_CONFIG} nor {CONFIG} lies beside it. "
            "Name OpenCLIP's architecture (--architecture ViT-B-32) and the activation (--activation)."
        )
    return _open_clip(weights, folder, {}, hints)


def _weights(path: Path) -> Path:
    if path.is_file():
        if path.suffix not in ENDINGS:
            raise ModelError(f"{path} is no file of weights; they end in {', '.join(ENDINGS)}.")
        return path
    if not path.is_dir():
        raise ModelUnavailable(f"There is no checkpoint at {path}.")
    for name in WEIGHTS_NAMES:
        for ending in ENDINGS:
            if (path / (name + ending)).exists():
                return path / (name + ending)
    if any(path.glob("*.index.json")):
        raise ModelError(f"The weights in {path} are cut into several files; save them as one first.")
    raise ModelUnavailable(f"{path} holds no weights: none of {', '.join(WEIGHTS_NAMES)} is there.")


def _open_clip(weights: Path, folder: Path, content: Mapping[str, Any], hints: Hints) -> Checkpoint:
    config = content.get("model_cfg", {})
    text, vision = config.get("text_cfg", {}), config.get("vision_cfg", {})
    if "hf_model_name" in text:
        raise ModelError(
            f"The words half of {folder} is {text['hf_model_name']}, which OpenCLIP fetches from a hub; such "
            "checkpoints cannot be exported here."
        )
    preprocessing = content.get("preprocess_cfg", {})
    squash = preprocessing.get("resize_mode", "shortest") == "squash"
    return Checkpoint(
        format="open_clip",
        folder=folder,
        weights=weights,
        config=config,
        architecture=hints.architecture,
        activation=_agreed(_open_clip_activation(config), hints.activation, weights),
        input_size=_side(vision.get("image_size", 0)),
        mean=_three(preprocessing.get("mean", CLIP_MEAN)),
        std=_three(preprocessing.get("std", CLIP_STD)),
        resize="squash" if squash else "crop",
        filter=_filter(preprocessing.get("interpolation", "bicubic"), folder),
        context_length=int(text.get("context_length", 77)),
    )


def _open_clip_activation(config: Mapping[str, Any]) -> str | None:
    """OpenCLIP's format has one word for it, `quick_gelu`; SigLIP's is its own, in the towers' settings."""
    if not config:
        return None
    text = config.get("text_cfg", {})
    if text.get("act_kwargs", {}).get("approximate") == "tanh":
        return "gelu_tanh"
    timm = str(config.get("vision_cfg", {}).get("timm_model_name", ""))
    if timm and "quickgelu" in timm:
        return "quick_gelu"
    # Absent it means gelu: open_clip writes the model's whole configuration, and this word where it is true.
    return "quick_gelu" if config.get("quick_gelu", False) else "gelu"


def _hugging_face(weights: Path, folder: Path, config: Mapping[str, Any], hints: Hints) -> Checkpoint:
    kind = config.get("model_type")
    if kind not in ("clip", "siglip"):
        raise ModelError(f"{folder / CONFIG} describes a {kind!r}; CLIP and SigLIP can be exported.")
    vision, text = config.get("vision_config", {}), config.get("text_config", {})
    preprocessing = _read(folder / PREPROCESSING) if (folder / PREPROCESSING).exists() else {}
    if not preprocessing:
        raise ModelError(f"{folder} has no {PREPROCESSING}: how pictures are to be prepared is not known.")
    named = {ACTIVATIONS.get(str(part["hidden_act"])) for part in (vision, text) if "hidden_act" in part}
    if len(named) > 1 or None in named:
        raise ModelError(f"{folder / CONFIG} names activations Heimdex does not know, or two.")
    # SigLIP's own configurations leave it out: there is but one SigLIP, and it learnt with the tanh kind.
    own = next(iter(named)) if named else {"siglip": "gelu_tanh"}.get(kind)
    crop = kind == "clip" and preprocessing.get("do_center_crop", True)
    size = preprocessing.get("crop_size") if crop else preprocessing.get("size")
    return Checkpoint(
        format=kind,
        folder=folder,
        weights=weights,
        config=config,
        architecture=None,
        activation=_agreed(own, hints.activation, folder / CONFIG),
        input_size=_side(size or vision.get("image_size", 0)),
        mean=_three(preprocessing.get("image_mean", ())),
        std=_three(preprocessing.get("image_std", ())),
        resize="crop" if crop else "squash",
        filter=_filter(preprocessing.get("resample", 3), folder),
        context_length=int(text.get("max_position_embeddings", 77 if kind == "clip" else 64)),
    )


def _agreed(own: str | None, hinted: str | None, where: Path) -> str:
    if hinted is not None and hinted not in ACTIVATIONS.values():
        raise ModelError(
            f"There is no activation {hinted!r}: {', '.join(sorted(set(ACTIVATIONS.values())))}."
        )
    if own is None and hinted is None:
        raise ModelError(
            f"{where} does not say with which activation it was trained, and the wrong one gives wrong "
            "vectors that look right. Say it: --activation quick_gelu for OpenAI's weights and those that "
            "began from them, --activation gelu for most others."
        )
    if own is not None and hinted is not None and own != hinted:
        raise ModelError(f"{where} was trained with {own}, and {hinted} was asked for.")
    return own or str(hinted)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as err:
        raise ModelError(f"{path} cannot be read ({err}).") from err
    if not isinstance(found, dict):
        raise ModelError(f"{path} is no configuration.")
    return found


def _side(size: Any) -> int:
    """A side in px: from a number, a pair, or transformers' dictionaries. 0: not said."""
    if isinstance(size, Mapping):
        sides = {int(value) for value in size.values()}
    else:
        sides = {int(value) for value in (size if isinstance(size, list | tuple) else [size])}
    if len(sides) != 1:
        raise ModelError(f"Its pictures are not square ({size}); such models cannot be used.")
    return sides.pop()


def _three(values: Any) -> Floats:
    try:
        red, green, blue = (float(value) for value in values)
    except (TypeError, ValueError) as err:
        raise ModelError("It does not say with which mean and deviation pictures are prepared.") from err
    return red, green, blue


def _filter(name: Any, folder: Path) -> str:
    if name not in FILTERS:
        raise ModelError(f"{folder} resizes pictures by {name!r}; bicubic and bilinear are known.")
    return FILTERS[name]
