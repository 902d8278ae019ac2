"""A model of random bytes on a stub of the hub, for tests of the store."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from heimdex.inference.hub import HubOptions
from heimdex.inference.installing import Wanted
from heimdex.inference.model_store import ModelStore
from tests.hub_stub import HubStub

GRAPH, WORDS, CONFIG = "onnx/vision_model.onnx", "tokenizer.json", "config.json"
CONTENT = {
    GRAPH: random.Random(1).randbytes(300_000),
    WORDS: random.Random(2).randbytes(50_000),
    CONFIG: b'{"model_type": "clip"}',
}
REPOSITORY = "somebody/clip"
WANTED = Wanted(
    name="clip", repository=REPOSITORY, revision="main", files=(GRAPH, WORDS, CONFIG), licence="MIT"
)


def publish(hub: HubStub, content: dict[str, bytes] = CONTENT) -> str:
    """Put the model on the hub; returns its commit. The configuration is small, a file of git's own."""
    return hub.add(REPOSITORY, content, large={GRAPH, WORDS}).commit


def store_of(hub: HubStub, folder: Path, *, cache_dir: Path | None = None, **options: Any) -> ModelStore:
    """A store that asks the stub, in no patient mood."""
    quick = HubOptions(endpoint=hub.url, silence_s=20.0, attempts=3, backoff_s=0.01, longest_wait_s=5.0)
    return ModelStore(folder / "models", replace(quick, **options), cache_dir)


def installed(store: ModelStore, name: str = "clip") -> dict[str, bytes]:
    """Every file of an installed model but the manifest."""
    folder = store.folder(name)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def manifest(store: ModelStore, name: str = "clip") -> Any:
    """The manifest of an installed model."""
    return json.loads((store.folder(name) / "manifest.json").read_bytes())


def left_behind(store: ModelStore) -> list[str]:
    """What lies in the models folder besides models and locks."""
    staging = store.models_dir / ".staging"
    return sorted(
        path.relative_to(staging).as_posix()
        for path in staging.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )
