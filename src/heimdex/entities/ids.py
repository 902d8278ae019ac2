"""Ids."""

from __future__ import annotations

import os
import time
import uuid


def new_id() -> str:
    """A UUID version 7 (RFC 9562): sorts by time of making."""
    millis = time.time_ns() // 1_000_000
    value = (millis & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def uuid_of(text: str) -> str | None:
    """An id in its one form, whichever of those that Python reads it is written in; None for what is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def is_uuid(text: str) -> bool:
    """Whether a text can be an id at all."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
