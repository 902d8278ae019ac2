"""Paths as callers write them."""

from __future__ import annotations

import os

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def as_bytes(path: PathLike) -> bytes:
    """A path as raw bytes, absolute, with ~ undone."""
    return os.path.abspath(os.path.expanduser(os.fsencode(path)))


def as_folder(path: PathLike) -> str:
    """The same as text, for the database; what is no UTF-8 in it is kept by surrogates."""
    return os.fsdecode(as_bytes(path))
