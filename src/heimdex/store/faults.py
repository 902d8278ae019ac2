"""What psycopg raises, in our words: here foreign errors of the database enter."""

from __future__ import annotations

import psycopg

from heimdex.errors import DatabaseUnavailable, StorageFull, StoreError

DISK_FULL_WORDS = ("No space left on device", "Disk quota exceeded")

_DISK_FULL = "53100"
# Trying again may help: connection exceptions, insufficient resources, the server starting or stopping, and
# the two ways in which colliding writers end (serialization failure, deadlock).
_PASSING = ("08", "53", "57P")
_COLLISIONS = ("40001", "40P01")


def is_disk_full(text: str) -> bool:
    """Whether a message of the server or of the operating system speaks of a full disk."""
    return any(words in text for words in DISK_FULL_WORDS)


def translate(error: psycopg.Error) -> StoreError:
    """The StoreError that stands for a psycopg error; raise it `from` the original."""
    state = error.sqlstate
    text = str(error).strip() or type(error).__name__
    if state == _DISK_FULL or is_disk_full(text):
        return StorageFull(f"The database has no space left on its disk ({text}); free some and try again.")
    if state in _COLLISIONS:
        return DatabaseUnavailable(f"Two writers collided ({text}); try again.")
    lost = state is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if lost or (state is not None and state.startswith(_PASSING)):
        return DatabaseUnavailable(f"The database does not answer ({text}); try again.")
    if state is not None and state.startswith("XX"):
        return StoreError(f"The database is damaged or has a defect ({text}); run `heimdex verify`.")
    return StoreError(f"The database refused a statement: {text}")
