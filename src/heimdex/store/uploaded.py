"""Uploaded originals on record: what the object store has to hold of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from psycopg import Connection

from heimdex.entities import UploadedFile, is_uuid
from heimdex.store.sql import queries

SQL = queries("uploaded")


def enter(connection: Connection[Any], owner: str, file: UploadedFile) -> None:
    """Put an original that lies in the object store on record; one that is there already stays as it is."""
    columns = asdict(file) | {"owner": owner, "sha256": bytes.fromhex(file.sha256)}
    columns["name"] = storable(file.name)
    connection.execute(SQL["enter"], columns)


def find(connection: Connection[Any], owner: str, key: str) -> UploadedFile | None:
    """The record of an object."""
    return _one(connection, "by_key", owner=owner, object_key=key)


def find_by_id(connection: Connection[Any], owner: str, object_id: str) -> UploadedFile | None:
    """The record of an object, by its id."""
    return _one(connection, "by_id", owner=owner, object_id=object_id) if is_uuid(object_id) else None


def find_by_content(connection: Connection[Any], owner: str, sha256: str) -> list[UploadedFile]:
    """The uploads of a content (SHA-256, hex), the oldest first."""
    return _many(connection, "by_content", owner=owner, sha256=bytes.fromhex(sha256))


def find_by_name(connection: Connection[Any], owner: str, name: str) -> list[UploadedFile]:
    """The uploads of a name."""
    return _many(connection, "by_name", owner=owner, name=storable(name))


def all_of(connection: Connection[Any], owner: str) -> list[UploadedFile]:
    """Every upload, the oldest first."""
    return _many(connection, "all_of", owner=owner)


def forget(connection: Connection[Any], owner: str, keys: Sequence[str]) -> None:
    """Take objects off the record."""
    connection.execute(SQL["forget"], {"owner": owner, "object_keys": list(keys)})


def storable(name: str) -> str:
    """A name as PostgreSQL takes it: no NUL and no lone surrogates."""
    return name.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _one(connection: Connection[Any], query: str, **parameters: Any) -> UploadedFile | None:
    found = _many(connection, query, **parameters)
    return found[0] if found else None


def _many(connection: Connection[Any], query: str, **parameters: Any) -> list[UploadedFile]:
    names = ("object_id", "object_key", "name", "sha256", "size_bytes", "content_type", "modified_ns")
    rows = connection.execute(SQL[query], parameters)
    return [UploadedFile(**dict(zip(names, row, strict=True))) for row in rows]
