"""Which models there are: the catalog's and those made here, and how each stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heimdex.encoders import catalog
from heimdex.encoders.own_rows import read_row
from heimdex.encoders.row import WEIGHTS_FOLDER, LoadOptions, ModelRow
from heimdex.entities import Space
from heimdex.errors import HeimdexError, WeightsCorrupt
from heimdex.inference.installing import Wanted
from heimdex.inference.model_store import ModelStore, Standing
from heimdex.inference.weights import MANIFEST

SETS: dict[str, tuple[str, ...]] = {
    "home": (
        "siglip2-base-patch32-256",
        "faster-whisper-small",
        "yunet",
        "sface",
        "multilingual-e5-small",
    ),
    "light": ("clip-vit-b-32-openai", "faster-whisper-base", "yunet", "sface"),
}
"""Models pulled together by one word."""

GAINS = {
    "clip": "any words find pictures, not only a thousand things by name",
    "siglip": "any words find pictures, not only a thousand things by name, and in finer detail",
    "resnet": "pictures find pictures of the same sort of thing",
    "text": "texts are found by what they mean",
    "speech": "what is said can be written down",
    "writing": "writing in one more alphabet is read, once HEIMDEX_WRITING_LANGUAGES names it",
    "faces": "faces can be found and told apart",
    "cuts": "cuts and dissolves are found by a net",
}
"""What a pull of a family's models improves."""


def rows_of(models_dir: Path | None) -> tuple[ModelRow, ...]:
    """Every model of the catalog, then those made here. A damaged description hides its own model only."""
    return (*catalog.ROWS, *_own_rows(models_dir))


def row_in(place: Path) -> ModelRow | None:
    """The row that the folder of a model made here, or on another machine, holds; None for any other."""
    try:
        return read_row(place) if (place / MANIFEST).is_file() else None
    except WeightsCorrupt:
        return None


def wanted_of(row: ModelRow) -> Wanted:
    """What the store needs to know of a row."""
    return Wanted(
        name=row.name,
        repository=row.repository,
        revision=row.revision,
        files=row.files,
        licence=row.licence,
    )


def standing_of(row: ModelRow, store: ModelStore) -> Standing:
    """How a model stands, by names and sizes of its files."""
    if not row.packaged:
        return store.standing(wanted_of(row))
    sizes = [
        (WEIGHTS_FOLDER / name).stat().st_size for name in row.files if (WEIGHTS_FOLDER / name).is_file()
    ]
    whole = len(sizes) == len(row.files)
    return Standing(
        state="installed" if whole else "damaged",
        size_bytes=sum(sizes),
        problem=None if whole else "files are missing; reinstall Heimdex",
    )


def describe_model(row: ModelRow, store: ModelStore, options: LoadOptions, *, in_use: bool) -> dict[str, Any]:
    """A model as `heimdex models list --json` shows it. Asks nobody."""
    standing = standing_of(row, store)
    installed = standing.state == "installed"
    spaces, fingerprint, problem = _loaded(row, options) if installed else ({}, None, None)
    return {
        "name": row.name,
        "family": row.family,
        "task": row.task,
        "pretrained": row.pretrained,
        "licence": row.licence,
        "commercial": row.commercial,
        "precision": row.precision,
        "state": standing.state,
        "installed": installed,
        "in_use": in_use,
        "size_bytes": standing.size_bytes if installed else row.size_bytes,
        "spaces": spaces,
        "gain": GAINS.get(row.family, ""),
        "repository": row.repository,
        "commit": standing.commit,
        "weights_sha256": fingerprint,
        "problem": standing.problem or problem,
    }


def _loaded(row: ModelRow, options: LoadOptions) -> tuple[dict[str, int], str | None, str | None]:
    """Sizes of an installed model's vectors by its graphs, its fingerprint, and why it cannot be loaded."""
    try:
        fingerprint = catalog.fingerprint(row, options)
        return {space.name: space.dim for space in _spaces(row, options)}, fingerprint, None
    except HeimdexError as error:
        return {}, None, str(error)


def _spaces(row: ModelRow, options: LoadOptions) -> tuple[Space, ...]:
    if row.family == "text":
        return (catalog.load_text(row.name, options).space,)
    if row.family in ("speech", "faces", "cuts"):
        return ()
    return catalog.load(row.name, options).picture_spaces


def _own_rows(models_dir: Path | None) -> tuple[ModelRow, ...]:
    if models_dir is None or not models_dir.is_dir():
        return ()
    known = {row.name for row in catalog.ROWS}
    rows = [row_in(place) for place in sorted(models_dir.iterdir()) if place.name not in known]
    return tuple(row for row in rows if row is not None)
