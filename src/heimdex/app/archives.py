"""The library's door to its copies: the open index that others read, and backups."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heimdex.pipeline.tools import Tools


class OpenIndex:
    """`take_out` writes all that is known of a library into files anybody can read; `bring_in` reads them."""

    def __init__(self, make_tools: Callable[[], Tools]) -> None:
        self._make_tools = make_tools

    def take_out(
        self, folder: str | os.PathLike[str], *, form: str = "parquet", frames: bool = True
    ) -> dict[str, Any]:
        """Write an open index (docs/reference/open-index.md) into a new folder, as parquet or json.

        Returns {"folder", "form", "frames", "models", "rows": {table: n}}. Raises UsageError, ArchiveFault.
        """
        from heimdex import __version__
        from heimdex.pipeline.open_index.taking_out import ExportOptions, export_index

        path = Path(folder).expanduser()
        options = ExportOptions(form=form, frames=frames, written_by=__version__)
        made = export_index(self._make_tools(), path, options)
        return {
            "folder": str(path),
            "form": made.form,
            "frames": made.frames,
            "models": [model.name for model in made.models],
            "rows": {name: note.rows for name, note in made.tables.items()},
        }

    def bring_in(self, folder: str | os.PathLike[str]) -> dict[str, Any]:
        """Read an open index into this library: {"imported", "known", …}. Raises ArchiveFault."""
        from heimdex.pipeline.open_index.bringing_in import import_index

        return asdict(import_index(self._make_tools(), Path(folder).expanduser()))
