"""The starters for speech and writing: their weights come inside other packages, not by a pull."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from heimdex.errors import ModelUnavailable
from heimdex.extractors import rapid_graphs, sphinx

SPEECH, WRITING = sphinx.NAME, rapid_graphs.NAME


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipped:
    """A model in a package."""

    name: str
    package: str  # as pip calls it
    family: str
    task: str
    pretrained: str
    precision: str
    licence: str  # SPDX
    fingerprint: Callable[[], str]
    size_bytes: Callable[[], int]


SHIPPED: tuple[Shipped, ...] = (
    Shipped(
        name=SPEECH,
        package="pocketsphinx",
        family="speech",
        task="writing down what is said, in English and roughly",
        pretrained="en-us",
        precision="int8",
        licence="BSD-2-Clause",
        fingerprint=sphinx.fingerprint,
        size_bytes=sphinx.size_bytes,
    ),
    Shipped(
        name=WRITING,
        package="rapidocr",
        family="writing",
        task="reading writing in Latin letters, Chinese and Japanese",
        pretrained="PP-OCRv6_small",
        precision="fp32",
        licence="Apache-2.0",
        fingerprint=rapid_graphs.fingerprint,
        size_bytes=rapid_graphs.size_bytes,
    ),
)


def describe_shipped(one: Shipped, *, in_use: bool) -> dict[str, Any]:
    """As `heimdex models list --json` shows it, in the words of the models that are pulled."""
    try:
        fingerprint, size_bytes, problem = one.fingerprint(), one.size_bytes(), None
    except ModelUnavailable as error:
        fingerprint, size_bytes, problem = None, 0, str(error)
    return {
        "name": one.name,
        "family": one.family,
        "task": one.task,
        "pretrained": one.pretrained,
        "licence": one.licence,
        "commercial": True,
        "precision": one.precision,
        "state": "missing" if problem else "shipped",
        "installed": problem is None,
        "in_use": in_use,
        "size_bytes": size_bytes,
        "spaces": {},
        "gain": "",
        "repository": None,
        "commit": None,
        "weights_sha256": fingerprint,
        "problem": problem,
    }
