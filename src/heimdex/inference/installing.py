"""What a pull and an import share: what is wanted, how far it has come, and a model's folder made whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from heimdex.errors import StorageFull
from heimdex.inference.checksums import Digest
from heimdex.inference.staging import Staging, free_bytes, writing
from heimdex.inference.weights import MANIFEST

SPARE_BYTES = 64 << 20  # left free beyond what a model needs

Step = Literal["waiting", "checking", "downloading"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which files make a model, and where they come from."""

    name: str
    repository: str | None
    revision: str
    files: tuple[str, ...]
    licence: str  # SPDX


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """How far a model has come."""

    model: str
    step: Step
    file: str = ""
    done_bytes: int = 0
    total_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a pull or an import did."""

    name: str
    changed: bool  # False: it was there already
    commit: str | None
    size_bytes: int
    downloaded_bytes: int


OnTransfer = Callable[[Transfer], None]


def in_silence(_: Transfer) -> None:
    """Nobody looks on."""


def finish(
    wanted: Wanted,
    staging: Staging,
    digests: Mapping[str, Digest],
    *,
    commit: str | None,
    downloaded_bytes: int = 0,
    described: Mapping[str, Any] | None = None,
) -> Outcome:
    """Write the manifest beside the files that stand in the staging place, and make them the model.

    `described`: the row of a model that stands in no catalog.
    """
    origin = f"{wanted.repository}@{commit or 'unknown'}" if wanted.repository else "imported"
    manifest = {
        "model": wanted.name,
        "repository": wanted.repository,
        "revision": wanted.revision,
        "commit": commit,
        **({"row": dict(described)} if described else {}),
        "files": [
            {
                "name": name,
                "size_bytes": digests[name].size_bytes,
                "sha256": digests[name].sha256,
                "licence": wanted.licence,
                "source": origin,
            }
            for name in wanted.files
        ],
    }
    with writing(staging.folder):
        (staging.folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    staging.publish(frozenset({MANIFEST, *wanted.files}))
    return Outcome(
        name=wanted.name,
        changed=True,
        commit=commit,
        size_bytes=sum(digest.size_bytes for digest in digests.values()),
        downloaded_bytes=downloaded_bytes,
    )


def must_fit(models_dir: Path, size_bytes: int) -> None:
    """Raise StorageFull where so many bytes more do not fit, with some to spare."""
    free = free_bytes(models_dir)
    if size_bytes and free < size_bytes + SPARE_BYTES:
        raise StorageFull(
            f"{size_bytes / 1e6:,.0f} MB are needed in {models_dir} and {free / 1e6:,.0f} MB are free. "
            "Free some, or name another folder with HEIMDEX_MODELS_DIR."
        )
