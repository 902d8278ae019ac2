"""Objects: files in the object store, and how one of them stands among the paths of an asset."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

OBJECT_SCHEME = b"heimdex-object:"
"""What the path of an uploaded file begins with; its key in the object store follows."""

NAME_BYTES = 180
"""Of an escaped name: file systems take 255, and what is written beside it needs some of them."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
_ESCAPE = "!"  # plain for S3, for every file system and in addresses


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """An object as the store has it. `key` begins with its owner."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadedFile:
    """An uploaded original on record. `name` is what its owner called it, `modified_ns` when it was made."""

    object_id: str
    object_key: str
    name: str
    sha256: str
    size_bytes: int
    content_type: str
    modified_ns: int


def object_path(key: str) -> bytes:
    """The path under which an object stands among the files of an asset."""
    return OBJECT_SCHEME + key.encode("ascii")


def is_object(path: bytes) -> bool:
    """Whether a path names an object, not a file of this machine."""
    return path.startswith(OBJECT_SCHEME)


def key_of(path: bytes) -> str:
    """The key of the object that a path names."""
    return path.removeprefix(OBJECT_SCHEME).decode("ascii", "backslashreplace")


def escaped(name: str) -> str:
    """A name as one part of a key: letters, digits and -_. stay, any other byte becomes !XX.

    `..`, slashes and what no file system would take come out as plain letters. A name too long loses its
    middle; its ending stays. `shown_name` gives the name back.
    """
    raw = unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass")
    parts = [chr(byte) if byte in _PLAIN else f"{_ESCAPE}{byte:02X}" for byte in raw]
    if not parts or parts[0] == ".":  # neither hidden nor `..` nor nothing at all
        parts[:1] = [f"{_ESCAPE}2E"] if parts else [f"{_ESCAPE}5F"]
    if sum(map(len, parts)) > NAME_BYTES:
        parts = _shortened(parts)
    return "".join(parts)


def shown_name(key: str) -> str:
    """The name in the last part of a key, as its owner wrote it; what is no text is shown as \\xNN."""
    first, *rest = key.rpartition("/")[2].split(_ESCAPE)
    raw = first.encode("utf-8", "backslashreplace")
    for piece in rest:
        code, plain = piece[:2], piece[2:]
        try:
            raw += bytes.fromhex(code) + plain.encode("utf-8", "backslashreplace")
        except ValueError:  # no escape of ours
            raw += f"{_ESCAPE}{piece}".encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")  # PostgreSQL's text holds none


def shown_path(path: bytes) -> str:
    """A path for people: of an uploaded file its name; undecodable bytes are shown as \\xNN."""
    if is_object(path):
        return shown_name(key_of(path))
    return path.decode("utf-8", "backslashreplace")


def _shortened(parts: list[str]) -> list[str]:
    """The first and the last of a name's bytes, whole characters only."""
    ending = _whole(parts[-16:], from_end=True)
    room = NAME_BYTES - sum(map(len, ending)) - 3
    kept: list[str] = []
    for part in parts:
        if sum(map(len, kept)) + len(part) > room:
            break
        kept.append(part)
    return [*_whole(kept, from_end=False), "_", "_", *ending]


def _whole(parts: list[str], *, from_end: bool) -> list[str]:
    """Without the bytes of a character that was cut through."""
    raw = b"".join(bytes.fromhex(part[1:]) if part[0] == _ESCAPE else part.encode() for part in parts)
    for cut in range(4):
        piece = raw[cut:] if from_end else raw[: len(raw) - cut]
        try:
            piece.decode("utf-8")
        except UnicodeDecodeError:
            continue
        return parts[cut:] if from_end else parts[: len(parts) - cut]
    return parts
