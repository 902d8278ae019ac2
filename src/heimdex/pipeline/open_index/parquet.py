"""Tables as Parquet files: one row group per some thousand rows, so that memory is bounded, zstd inside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from heimdex.errors import ArchiveFault
from heimdex.pipeline.open_index.rows import Row
from heimdex.pipeline.open_index.tables import Table, Type

ENDING = ".parquet"
GROUP_ROWS = 2_000  # with vectors of 2,000 numbers 16 MB of them
READ_ROWS = 500
COMPRESSION = "zstd"


def write(path: Path, table: Table, rows: Iterable[Row]) -> int:
    """Write rows as they come, some thousand at a time; how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _arrow(pa, kind)) for name, kind in table.columns.items()])
    count = 0
    waiting = iter(rows)
    with pq.ParquetWriter(path, schema, compression=COMPRESSION) as writer:
        while group := list(islice(waiting, GROUP_ROWS)):
            arrays = [
                pa.array([_stored(kind, row[name]) for row in group], type=schema.field(name).type)
                for name, kind in table.columns.items()
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(group)
    return count


def read(path: Path, table: Table) -> Iterator[Row]:
    """The rows in order. Raises ArchiveFault for a file that is no such table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            missing = set(table.columns) - set(file.schema_arrow.names)
            if missing:
                raise ArchiveFault(f"{path.name} lacks the columns {', '.join(sorted(missing))}")
            for batch in file.iter_batches(batch_size=READ_ROWS, columns=list(table.columns)):
                columns = {name: _column(kind, batch.column(name)) for name, kind in table.columns.items()}
                for values in zip(*columns.values(), strict=True):
                    yield dict(zip(columns, values, strict=True))
    except (pa.ArrowException, ValueError) as error:
        raise ArchiveFault(f"{path.name} cannot be read as Parquet ({error})") from error


def _arrow(pa: Any, kind: Type) -> Any:
    return {
        Type.TEXT: pa.string(),
        Type.ID: pa.string(),
        Type.HEX: pa.string(),
        Type.INTEGER: pa.int64(),
        Type.REAL: pa.float32(),
        Type.DOUBLE: pa.float64(),
        Type.BOOLEAN: pa.bool_(),
        Type.TIME: pa.timestamp("us", tz="UTC"),
        Type.JSON: pa.string(),
        Type.VECTOR: pa.list_(pa.float32()),
        Type.REALS: pa.list_(pa.float32()),
    }[kind]


def _stored(kind: Type, value: Any) -> Any:
    if value is None:
        return None
    if kind is Type.TIME:
        return datetime.fromisoformat(value).astimezone(UTC)
    if kind is Type.JSON:
        return json.dumps(value, ensure_ascii=False)
    return value.astype(np.float32) if kind is Type.VECTOR else value


def _column(kind: Type, column: Any) -> Sequence[Any]:
    if kind is Type.VECTOR:  # never as Python numbers: of a long film there are millions
        return [
            cell.values.to_numpy(zero_copy_only=False).astype(np.float16) if cell.is_valid else None
            for cell in column
        ]
    values: list[Any] = column.to_pylist()
    if kind is Type.TIME:
        return [None if value is None else value.isoformat() for value in values]
    if kind is Type.JSON:
        return [None if value is None else json.loads(value) for value in values]
    return values
