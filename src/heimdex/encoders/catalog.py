"""Which models there are, and how one is loaded by its name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from heimdex.encoders.encoder import Encoder
from heimdex.encoders.row import WEIGHTS_FOLDER, LoadOptions, ModelRow
from heimdex.encoders.starter import STARTER, StarterEncoder
from heimdex.errors import ModelUnavailable, NotFound
from heimdex.inference.weights import read_manifest

__all__ = ["ROWS", "LoadOptions", "ModelRow", "find", "fingerprint", "folder", "load"]

ROWS: tuple[ModelRow, ...] = (STARTER,)


def find(name: str) -> ModelRow:
    """The row of a model, by its name or another spelling. Raises NotFound, naming the known ones."""
    for row in ROWS:
        if name == row.name or name in row.aliases:
            return row
    known = ", ".join(row.name for row in ROWS)
    raise NotFound(f"There is no model called {name!r}. Known: {known}. See `heimdex models list`.")


def folder(row: ModelRow, options: LoadOptions) -> Path:
    """Where a model's files lie, or would lie. Raises ModelUnavailable where no folder was named for them."""
    if options.weights_dir is not None:
        return options.weights_dir
    if row.family == "starter":
        return WEIGHTS_FOLDER
    if options.models_dir is None:
        raise ModelUnavailable(f"The model {row.name} is not installed: no folder for models was named.")
    return options.models_dir / row.name


def fingerprint(row: ModelRow, options: LoadOptions) -> str:
    """One SHA-256 over the checksums of a model's files: other weights, another model.

    Reads the manifest only. Raises ModelUnavailable where it or a file's line is missing, WeightsCorrupt if
    it cannot be read.
    """
    place = folder(row, options)
    checksums = {entry.name: entry.sha256 for entry in read_manifest(place)}
    missing = [name for name in row.files if name not in checksums]
    if missing:
        raise ModelUnavailable(
            f"The weights in {place} have no {missing[0]}, which {row.name} needs. "
            "Reinstall Heimdex, or fetch the model again with `heimdex models pull`."
        )
    lines = "".join(f"{name} {checksums[name]}\n" for name in row.files)
    return hashlib.sha256(lines.encode()).hexdigest()


def load(name: str, options: LoadOptions | None = None) -> Encoder:
    """An encoder, ready to be asked. Weights are opened on first use, pictures' and words' apart.

    Raises NotFound for an unknown name, ModelUnavailable where its files are not installed, WeightsCorrupt
    where they differ from their manifest (the last two may come on first use).
    """
    return StarterEncoder(find(name), options or LoadOptions())
