"""Paths as JSON: text where they are text, else their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from heimdex.errors import UsageError


def pack(paths: Iterable[bytes]) -> list[Any]:
    """Paths as they stand in a job's arguments."""
    return [_packed(path) for path in paths]


def unpack(packed: Any) -> list[bytes]:
    """The paths again. Raises UsageError for anything else than `pack` makes."""
    if not isinstance(packed, Sequence) or isinstance(packed, str):
        raise UsageError(f"a list of paths is wanted, not {packed!r}")
    return [_unpacked(path) for path in packed]


def _packed(path: bytes) -> Any:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": path.hex()}


def _unpacked(path: Any) -> bytes:
    if isinstance(path, str) and path and "\0" not in path:
        return path.encode("utf-8")
    if isinstance(path, dict) and isinstance(path.get("hex"), str):
        try:
            return bytes.fromhex(path["hex"])
        except ValueError:
            pass
    raise UsageError(f"no path: {path!r}")
