"""Rows of models made here: what an export or a quantisation wrote into the manifest beside them."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from heimdex.encoders.row import ModelRow
from heimdex.errors import WeightsCorrupt
from heimdex.inference.weights import MANIFEST


def own_rows(models_dir: Path | None) -> tuple[ModelRow, ...]:
    """The rows below a folder of models, by name. Raises WeightsCorrupt where one cannot be read."""
    if models_dir is None or not models_dir.is_dir():
        return ()
    places = [place for place in sorted(models_dir.iterdir()) if (place / MANIFEST).is_file()]
    rows = [_kept(place, (place / MANIFEST).stat().st_mtime_ns) for place in places]
    return tuple(row for row in rows if row is not None)


@lru_cache(maxsize=64)
def _kept(place: Path, _changed_ns: int) -> ModelRow | None:
    return read_row(place)


def read_row(place: Path) -> ModelRow | None:
    """The row in the manifest of a model's folder; None where it has none. Raises WeightsCorrupt."""
    path = place / MANIFEST
    try:
        content = json.loads(path.read_bytes()).get("row")
        if content is None:
            return None
        known = {field.name: field for field in fields(ModelRow)}
        given = {name: _frozen(value) for name, value in content.items() if name in known}
        missing = [
            field.name for field in known.values() if field.default is MISSING and field.name not in given
        ]
        if missing or given["name"] != place.name:
            reason = f"it has no {missing[0]}" if missing else f"it is called {given['name']}"
            raise WeightsCorrupt(
                f"{path} does not describe the model {place.name}: {reason}. Import it again."
            )
        return ModelRow(**given)
    except (OSError, ValueError, AttributeError, TypeError) as err:
        raise WeightsCorrupt(f"{path} cannot be read as a manifest ({err}). Import the model again.") from err


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
