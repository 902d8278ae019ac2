"""Which models there are, and how one is loaded by its name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from heimdex.encoders.encoder import Encoder
from heimdex.encoders.files import folder
from heimdex.encoders.own_rows import own_rows
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.encoders.rows import PULLED
from heimdex.encoders.starter import STARTER, StarterEncoder
from heimdex.errors import ModelUnavailable, NotFound
from heimdex.inference.weights import read_manifest

if TYPE_CHECKING:
    from heimdex.encoders.text_encoder import TextEncoder

__all__ = [
    "ROWS",
    "LoadOptions",
    "ModelRow",
    "find",
    "fingerprint",
    "folder",
    "load",
    "load_text",
    "own_rows",
]

ROWS: tuple[ModelRow, ...] = (STARTER, *PULLED)


def find(name: str, models_dir: Path | None = None) -> ModelRow:
    """The row of a model, by its name or another spelling; also of one that was made here, in `models_dir`.

    Raises NotFound, naming the known ones; WeightsCorrupt where such a model's own row cannot be read.
    """
    for row in ROWS:
        if name == row.name or name in row.aliases:
            return row
    own = own_rows(models_dir)
    for row in own:
        if name == row.name:
            return row
    known = ", ".join(row.name for row in (*ROWS, *own))
    raise NotFound(f"There is no model called {name!r}. Known: {known}. See `heimdex models list`.")


def fingerprint(row: ModelRow, options: LoadOptions) -> str:
    """One SHA-256 over the checksums of a model's files: other weights, another model.

    Reads the manifest only. Raises ModelUnavailable where it or a file's line is missing, WeightsCorrupt if
    it cannot be read.
    """
    place = folder(row, options)
    if not place.exists():
        raise ModelUnavailable(
            f"The model {row.name} is not installed. Fetch it with `heimdex models pull {row.name}`, or "
            "take it from a folder with `heimdex models import`."
        )
    checksums = {entry.name: entry.sha256 for entry in read_manifest(place)}
    missing = [name for name in row.files if name not in checksums]
    if missing:
        raise ModelUnavailable(
            f"The weights in {place} have no {missing[0]}, which {row.name} needs. "
            "Run `heimdex models verify`, which mends it."
        )
    lines = "".join(f"{name} {checksums[name]}\n" for name in row.files)
    return hashlib.sha256(lines.encode()).hexdigest()


def load(name: str, options: LoadOptions | None = None) -> Encoder:
    """An encoder of pictures, ready to be asked. Weights are opened on first use, pictures' and words' apart.

    Raises NotFound for an unknown name, ModelUnavailable where its files are not installed or it is no
    picture model, WeightsCorrupt where they differ from their manifest, ModelError where a graph is not what
    the row says (all but the first may come on first use).
    """
    options = options or LoadOptions()
    row = find(name, options.models_dir)
    # Imported when asked for: a search with the starter needs none of the others.
    if row.family == "starter":
        return StarterEncoder(row, options)
    if row.family == "clip":
        from heimdex.encoders.clip import ClipEncoder

        return ClipEncoder(row, options)
    if row.family == "siglip":
        from heimdex.encoders.siglip import SiglipEncoder

        return SiglipEncoder(row, options)
    if row.family == "resnet":
        from heimdex.encoders.resnet import ResnetEncoder

        return ResnetEncoder(row, options)
    raise ModelUnavailable(
        f"The model {row.name} is for {row.task} and knows no pictures. Choose another picture model; "
        "`heimdex models list` shows them."
    )


def load_text(name: str, options: LoadOptions | None = None) -> TextEncoder:
    """An encoder of sentences. Raises as `load` does; ModelUnavailable too where it is no sentence model."""
    options = options or LoadOptions()
    row = find(name, options.models_dir)
    if row.family != "text":
        raise ModelUnavailable(
            f"The model {row.name} is for {row.task}, not for sentences. See `heimdex models list`."
        )
    from heimdex.encoders.text import SentenceEncoder

    return SentenceEncoder(row, options)
