"""Which picture model the names of the past choose: they had four ways to say so."""

from __future__ import annotations

from collections.abc import Mapping

from heimdex.errors import NotFound, SettingsError

CHOOSERS = {
    "CLIP_MODEL_NAME": "An OpenCLIP architecture such as `ViT-B-32`, with CLIP_PRETRAINED; or any name of "
    "the catalog.",
    "CLIP_PRETRAINED": "The weights of CLIP_MODEL_NAME, such as `openai`.",
    "VISION_MODEL": "`openclip`: VISION_CLIP_MODEL and VISION_CLIP_PRETRAINED are read; `siglip`, `siglip2`: "
    "VISION_MODEL_NAME is.",
    "VISION_MODEL_NAME": "A SigLIP by its name on the hub, such as `google/siglip-so400m-patch14-384`.",
    "VISION_CLIP_MODEL": "As CLIP_MODEL_NAME.",
    "VISION_CLIP_PRETRAINED": "As CLIP_PRETRAINED.",
    "CLASSIFIER_MODEL": "`clip`, or `resnet50`, which knows pictures only.",
}
"""The variables that choose it, and what each says."""

ARCHITECTURE, WEIGHTS = "ViT-B-32", "openai"  # what the systems before took where one of the two was not said
BY_FAMILY = {"siglip": "google/siglip-so400m-patch14-384", "siglip2": "google/siglip2-base-patch32-256"}
MEND = "Remove one of them, or set HEIMDEX_PICTURE_MODEL, which wins."


def choose_picture_model(given: Mapping[str, str]) -> str | None:
    """The model that some of `CHOOSERS` choose, by a name or alias of the catalog; None where none does.

    Raises SettingsError where they choose two, or say what cannot be.
    """
    family = _one_of(given, "VISION_MODEL", ("openclip", "siglip", "siglip2"))
    classifier = _one_of(given, "CLASSIFIER_MODEL", ("clip", "resnet50"))
    choices: dict[str, str] = {}  # by what was written
    for names in (("CLIP_MODEL_NAME", "CLIP_PRETRAINED"), ("VISION_CLIP_MODEL", "VISION_CLIP_PRETRAINED")):
        if family in (None, "openclip") or names[0].startswith("CLIP"):
            choices |= _clip(given, *names)
    if family != "openclip" and "VISION_MODEL_NAME" in given:
        choices[_said(given, "VISION_MODEL_NAME")] = _of_family(given, family)
    elif family in BY_FAMILY:
        choices[_said(given, "VISION_MODEL")] = BY_FAMILY[family or ""]
    if classifier == "resnet50":
        choices[_said(given, "CLASSIFIER_MODEL")] = "resnet50"
    if not choices:
        wants_clip = classifier == "clip" or family == "openclip"
        return f"{ARCHITECTURE}/{WEIGHTS}" if wants_clip else None
    first, *others = choices.values()
    if classifier == "clip" and "siglip" in first.lower():
        choices[_said(given, "CLASSIFIER_MODEL")] = ""
        others.append(f"{ARCHITECTURE}/{WEIGHTS}")
    if any(not _are_one(first, other) for other in others):
        raise SettingsError(f"{' and '.join(choices)} choose different picture models. {MEND}")
    return first


def _clip(given: Mapping[str, str], name: str, weights: str) -> dict[str, str]:
    """The choice of an OpenCLIP architecture and its weights, by what was written; nothing without both."""
    if name not in given and weights not in given:
        return {}
    said = ", ".join(_said(given, one) for one in (name, weights) if one in given)
    architecture = given.get(name, ARCHITECTURE)
    if weights not in given and (
        architecture != ARCHITECTURE and not architecture.startswith(("ViT-", "RN"))
    ):
        return {said: architecture}  # a name of the catalog, or of the hub, which says its weights itself
    return {said: f"{architecture}/{given.get(weights, WEIGHTS)}"}


def _of_family(given: Mapping[str, str], family: str | None) -> str:
    name = given["VISION_MODEL_NAME"]
    second = "siglip2" in name.lower()
    if family is not None and ("siglip" not in name.lower() or second != (family == "siglip2")):
        said = f"{_said(given, 'VISION_MODEL')} and {_said(given, 'VISION_MODEL_NAME')}"
        raise SettingsError(f"{said} disagree. {MEND}")
    return name


def _one_of(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> str | None:
    if name not in given:
        return None
    found = given[name].lower()
    if found not in known:
        raise SettingsError(f"{_said(given, name)}: there are {', '.join(known)}.")
    return found


def _are_one(one: str, other: str) -> bool:
    """Whether two spellings are one model."""
    if one == other:
        return True
    from heimdex.encoders import catalog  # only where two were written: it takes numpy along

    try:
        return catalog.find(one) is catalog.find(other)
    except NotFound:
        return False


def _said(given: Mapping[str, str], name: str) -> str:
    return f"{name}={given[name]}"
