"""A row on its way between the database and a file: the same Python values whatever the file's form.

TEXT, ID, HEX and TIME are str, INTEGER int, REAL and DOUBLE float, JSON what it says, VECTOR a float16 array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from heimdex.pipeline.open_index.tables import Table, Type
from heimdex.store.open_rows import JsonRow
from heimdex.store.vectors import from_text, to_text

Row = dict[str, Any]


def from_database(table: Table, given: JsonRow) -> Row:
    """The columns of an open index out of a row as the database tells it."""
    return {name: _taken(kind, given[name]) for name, kind in table.columns.items()}


def to_database(table: Table, row: Row) -> JsonRow:
    """A row as the database takes it."""
    return {name: _given(table.columns[name], value) for name, value in row.items()}


def _taken(kind: Type, value: Any) -> Any:
    if value is None:
        return None
    if kind is Type.HEX:
        return value.removeprefix("\\x")
    if kind is Type.VECTOR:
        return from_text(value).astype(np.float16)
    return value


def _given(kind: Type, value: Any) -> Any:
    if value is None:
        return None
    if kind is Type.HEX:
        return f"\\x{value}"
    if kind is Type.VECTOR:
        return to_text(value)
    return value
