"""Tables as JSON lines: one object in UTF-8 per row, every column named, `.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from heimdex.errors import ArchiveFault
from heimdex.pipeline.open_index.rows import Row
from heimdex.pipeline.open_index.tables import Table, Type

ENDING = ".jsonl"


def write(path: Path, table: Table, rows: Iterable[Row]) -> int:
    """Write rows as they come; how many."""
    count = 0
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False, default=_listed))
            stream.write("\n")
            count += 1
    return count


def read(path: Path, table: Table) -> Iterator[Row]:
    """The rows in order. Raises ArchiveFault for a line that is no such row."""
    vectors = [name for name, kind in table.columns.items() if kind is Type.VECTOR]
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                given = json.loads(line)
                row = {name: given[name] for name in table.columns}
                for name in vectors:
                    row[name] = None if row[name] is None else np.array(row[name], np.float16)
            except (ValueError, KeyError, TypeError) as error:
                raise ArchiveFault(
                    f"{path.name}, line {number} is no row of {table.name} ({error!r})"
                ) from error
            yield row


def _listed(value: Any) -> list[float]:
    if isinstance(value, np.ndarray):
        listed: list[float] = value.astype(np.float64).tolist()
        return listed
    raise TypeError(f"{type(value).__name__} has no place in an open index")
