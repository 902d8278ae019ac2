"""The rows of an owner's whole index as JSON objects, out of the database and into it, table by table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.store.sql import queries, uuid_array

SQL = queries("open_index")
ROWS_AT_A_TIME = 500

JsonRow = dict[str, Any]
"""A row: numbers, texts, true and null; bytes as `\\x…`, times in ISO 8601, vectors as pgvector's text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelNote:
    """A model by what tells it from others, and its spaces as (name, dimensions)."""

    name: str
    precision: str
    weights_sha256: str
    spaces: tuple[tuple[str, int], ...]


def read_rows(
    connection: Connection[Any], owner: str, table: str, asset_id: str | None = None
) -> Iterator[JsonRow]:
    """The owner's rows of a table of the open index, by asset, or those of one asset alone.

    Some hundred are in memory at a time.
    """
    with connection.cursor(name=f"read_{table}") as cursor:
        cursor.itersize = ROWS_AT_A_TIME
        cursor.execute(SQL[f"read_{table}"], {"owner": owner, "asset": asset_id})
        for (row,) in cursor:
            yield row


def read_models(connection: Connection[Any], owner: str) -> list[ModelNote]:
    """The models that made something of the owner's."""
    return [
        ModelNote(
            name=name,
            precision=precision,
            weights_sha256=sha256,
            spaces=tuple((space["name"], int(space["dim"])) for space in spaces),
        )
        for name, precision, sha256, spaces in connection.execute(SQL["read_models"], {"owner": owner})
    ]


def write_rows(connection: Connection[Any], owner: str, table: str, rows: Iterable[JsonRow]) -> None:
    """Enter rows of a table as the owner's. Columns that a row does not name become NULL."""
    waiting: list[JsonRow] = []
    for row in rows:
        waiting.append(row | {"owner_id": owner})
        if len(waiting) == ROWS_AT_A_TIME:
            connection.execute(SQL[f"write_{table}"], {"rows": Jsonb(waiting)})
            waiting = []
    if waiting:
        connection.execute(SQL[f"write_{table}"], {"rows": Jsonb(waiting)})


def has_any_of(connection: Connection[Any], owner: str, ids: Sequence[str]) -> bool:
    """Whether the owner has an asset, or something that hangs on one, by any of these ids."""
    found = connection.execute(SQL["taken_ids"], {"owner": owner, "ids": uuid_array(ids)}).fetchone()
    return found is not None


def taken_paths(connection: Connection[Any], owner: str, paths: Sequence[str]) -> set[str]:
    """Which of these paths, in hex, are on record already."""
    return {row[0] for row in connection.execute(SQL["taken_paths"], {"owner": owner, "paths": list(paths)})}
