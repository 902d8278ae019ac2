"""Which models there are, and how one is loaded by its name."""

from __future__ import annotations

from heimdex.encoders.encoder import Encoder
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.encoders.starter import STARTER, StarterEncoder
from heimdex.errors import NotFound

__all__ = ["ROWS", "LoadOptions", "ModelRow", "find", "load"]

ROWS: tuple[ModelRow, ...] = (STARTER,)


def find(name: str) -> ModelRow:
    """The row of a model. Raises NotFound, naming the known ones."""
    for row in ROWS:
        if row.name == name:
            return row
    known = ", ".join(row.name for row in ROWS)
    raise NotFound(f"There is no model called {name!r}. Known: {known}. See `heimdex models list`.")


def load(name: str, options: LoadOptions | None = None) -> Encoder:
    """An encoder, ready to be asked. Weights are opened on first use, pictures' and words' apart.

    Raises NotFound for an unknown name, ModelUnavailable where its files are not installed, WeightsCorrupt
    where they differ from their manifest (the last two may come on first use).
    """
    return StarterEncoder(find(name), options or LoadOptions())
