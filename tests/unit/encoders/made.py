"""Small models with random weights, laid out as a pull would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from heimdex.encoders import catalog
from heimdex.encoders.row import LoadOptions, ModelRow
from tests.random_weights import write


def small(name: str, folder: Path, **changes: Any) -> tuple[ModelRow, LoadOptions]:
    """A catalog row, changed, and how to load it from a folder where it was just made."""
    row = replace(catalog.find(name), **changes)
    place = write(row, folder / row.name, small=True)
    return row, LoadOptions(weights_dir=place, cache_dir=folder / "cache", threads=1, precision="fp32")
