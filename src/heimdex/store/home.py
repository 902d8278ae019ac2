"""The data folder: made for its owner alone. What is in it shows what is in their films and photos."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from heimdex.errors import StorageFull, StoreError

PRIVATE = 0o700
PASSABLE = 0o711  # root's: the account that PostgreSQL is lent to has to pass to its own folder


def make_home(home: Path) -> None:
    """Make the folder and, in it, the one of derived files; one that is there keeps its rights.

    Raises StoreError, StorageFull.
    """
    try:
        home.mkdir(mode=PASSABLE if os.geteuid() == 0 else PRIVATE, parents=True, exist_ok=True)
        (home / "derived").mkdir(mode=PRIVATE, exist_ok=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"no space left to make {home}; free some and try again") from error
        raise StoreError(
            f"the data folder {home} cannot be made ({error.strerror}); check who may write there, "
            "or choose another HEIMDEX_HOME"
        ) from error
