"""Pictures that were handed in to search by, kept for a while so that next pages can be asked for.

    asked/<owner>/<sha256 of what was handed in>.png

Written by a worker process that decoded them; what is kept is upright, sRGB and at most as large as kept
frames.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from heimdex.errors import NotFound

if TYPE_CHECKING:
    from heimdex.app import Heimdex

KEPT_S = 3_600.0
MOST_KEPT = 500  # of one owner: an hour is long
_NAME = re.compile(r"[0-9a-f]{64}")


class AskedPictures:
    """The pictures of all owners, each in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self._root = home / "asked"

    def take(self, library: Heimdex, source: Path, name: str) -> str:
        """Keep a picture under its SHA-256, hex. Raises QueryError where it is none."""
        folder = self._root / library.owner
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep(folder)
        target = folder / f"{name}.png"
        if not target.exists():
            library.files.prepare_picture(source, target)
        return name

    def find(self, library: Heimdex, name: str) -> Path:
        """The file of a picture that was kept. Raises NotFound once it is not any more."""
        path = self._root / library.owner / f"{name}.png"
        if not _NAME.fullmatch(name) or not path.is_file():
            raise NotFound("the picture that was searched by is not kept any more; hand it in again")
        return path

    def _sweep(self, folder: Path) -> None:
        old, kept = time.time() - KEPT_S, []
        for path in folder.iterdir():
            try:
                kept.append((path.stat().st_mtime, path))
            except FileNotFoundError:  # another request was faster
                continue
        kept.sort(reverse=True)
        for place, (modified_s, path) in enumerate(kept):
            if modified_s < old or place >= MOST_KEPT:
                path.unlink(missing_ok=True)
