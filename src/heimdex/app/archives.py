"""The library's door to its copies: the open index that others read, and backups."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heimdex.pipeline.tools import Tools
    from heimdex.store.database import Database


class OpenIndex:
    """`take_out` writes all that is known of a library into files anybody can read; `bring_in` reads them."""

    def __init__(self, make_tools: Callable[[], Tools]) -> None:
        self._make_tools = make_tools

    def take_out(
        self,
        folder: str | os.PathLike[str],
        *,
        form: str = "parquet",
        frames: bool = True,
        asset: str | None = None,
    ) -> dict[str, Any]:
        """Write an open index (docs/reference/open-index.md) into a new folder, as parquet or json.

        `asset`: of the asset with this id or path alone. Returns {"folder", "form", "frames", "models",
        "rows": {table: n}}. Raises NotFound, UsageError, ArchiveFault.
        """
        from heimdex import __version__
        from heimdex.pipeline.open_index.taking_out import ExportOptions, export_index

        path = Path(folder).expanduser()
        options = ExportOptions(form=form, frames=frames, written_by=__version__, asset=asset)
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


class Backups:
    """Backups of an installation, all owners: `make` and `restore`."""

    def __init__(self, database: Callable[[], Database], home: Path, admin_url: str | None) -> None:
        """`database` opens the database, or gives the one that is open."""
        self._database = database
        self._home = home
        self._admin_url = admin_url

    def make(self, folder: str | os.PathLike[str]) -> dict[str, Any]:
        """Write the database and the kept frames into a new folder, while others may go on working.

        Returns {"folder", "heimdex", "created_at", "owners", "assets", "files", …}. Raises UsageError,
        StoreError.
        """
        from heimdex import __version__
        from heimdex.pipeline.backups import make_backup

        path = Path(folder).expanduser()
        made = make_backup(self._admin(), self._home, path, written_by=__version__)
        return {"folder": str(path)} | asdict(made)

    def restore(self, folder: str | os.PathLike[str], *, replace: bool = False) -> dict[str, Any]:
        """Put a backup in place of an empty library, with `replace` of any. Raises ArchiveFault, UsageError.

        Close the library afterwards: who opens it next brings an older schema up to date.
        """
        from heimdex.pipeline.backups import restore_backup

        path = Path(folder).expanduser()
        made = restore_backup(self._admin(), self._home, path, replace=replace)
        return {"folder": str(path)} | asdict(made)

    def _admin(self) -> str:
        from heimdex.store.dumps import admin_login

        return admin_login(self._database(), self._admin_url)
