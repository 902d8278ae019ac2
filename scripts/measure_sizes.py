"""What an index takes: rows and bytes of every table of a library, and bytes of an HNSW index by its vectors.

    python scripts/measure_sizes.py library            # of HEIMDEX_HOME, or HEIMDEX_DATABASE_URL
    python scripts/measure_sizes.py vectors 512 20000   # of made vectors: dimension, how many
    python scripts/measure_sizes.py texts 384 20000     # of made rows of text_vector, with its keys and index

The figures of docs/howto/scaling.md come from here.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from heimdex import Heimdex
from heimdex.store.cluster import PostgresOptions
from heimdex.store.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]
RECORD = (
    '{"model_name": "starter-sentences", "embed_dim": 384, "normalized": true, "device": "cpu",'
    ' "inference_time_ms": 3.217, "created_at": "2026-11-21T15:00:00+00:00", "error": null}'
)
TABLES = """
SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'heimdex' AND c.relkind = 'r' ORDER BY 1"""


def library() -> None:
    """Rows and bytes of the tables, and of the kept frames, of the library of the settings."""
    with Heimdex() as heimdex:
        status = heimdex.status()
        hours = status["duration"] / 3600
        print(f"{hours:.4f} hours, {status['scenes']} scenes, {status['keyframes']} kept frames")
        with heimdex.database.transaction(heimdex.owner, read_only=True) as connection:
            total = 0
            for name, table_bytes, index_bytes in connection.execute(TABLES).fetchall():
                (rows,) = _one(connection, f'SELECT count(*) FROM heimdex."{name}"')
                if rows:
                    print(f"{name:20} {rows:9} rows {table_bytes:12} bytes {index_bytes:12} bytes of indexes")
                    total += table_bytes + index_bytes
        files = [path for path in (heimdex.settings.home / "derived").rglob("*") if path.is_file()]
        kept = sum(path.stat().st_size for path in files)
        scenes = max(status["scenes"], 1)
        print(f"database: {total} bytes, {total / scenes:.0f} a scene")
        print(f"kept frames and thumbnails: {len(files)} files, {kept} bytes, {kept / scenes:.0f} a scene")


def vectors(dim: int, count: int) -> None:
    """Bytes and time of the rows and of the HNSW index of made vectors, as Heimdex builds it."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder), options=PostgresOptions(durable=False))
        try:
            with psycopg.connect(server.start(), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
                connection.execute(f"CREATE TABLE v (id bigint, embedding halfvec({dim}))")
                rows = rng.normal(size=(count, dim)).astype(np.float32)
                with connection.cursor().copy("COPY v FROM STDIN") as copy:
                    for number, row in enumerate(rows / np.linalg.norm(rows, axis=1, keepdims=True)):
                        copy.write_row((number, "[" + ",".join(f"{value:.5f}" for value in row) + "]"))
                began_s = time.perf_counter()
                connection.execute(
                    "CREATE INDEX v_hnsw ON v USING hnsw (embedding halfvec_cosine_ops) "
                    "WITH (ef_construction = 200)"
                )
                took_s = time.perf_counter() - began_s
                table, index = _one(connection, "SELECT pg_table_size('v'), pg_relation_size('v_hnsw')")
        finally:
            server.stop_now()
            server.close()
    print(
        f"{count} vectors of {dim}: rows {table / count:.0f}, index {index / count:.0f} bytes each, ", end=""
    )
    print(f"index built in {took_s:.1f} s ({took_s / count * 1e6:.0f} s a million)")


def texts(dim: int, count: int) -> None:
    """Bytes of rows of `text_vector` (120 letters of text, and a record) with all indexes."""
    schema = (ROOT / "src/heimdex/store/schema/0006_text_vectors.sql").read_text(encoding="utf-8")
    (table,) = re.findall(r"CREATE TABLE heimdex\.text_vector \(.*?\n\) WITH [^;]*;", schema, re.DOTALL)
    table = re.sub(r"\n    FOREIGN KEY [^\n]*|REFERENCES heimdex\.space", "", table)
    keys = re.findall(r"CREATE INDEX [^;]* ON heimdex\.text_vector [^;]*;", schema)[:2]
    values = (
        "(SELECT array_agg(random() - 0.5 + 0 * (n + k))::vector::halfvec FROM generate_series(1, %(dim)s) k)"
    )
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder), options=PostgresOptions(durable=False))
        try:
            with psycopg.connect(server.start(), autocommit=True) as connection:
                for statement in ("CREATE EXTENSION vector", "CREATE SCHEMA heimdex", table, *keys):
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO heimdex.text_vector SELECT owner, 1, 'transcript', gen_random_uuid(), asset,"
                    f" repeat('twelve words', 10), n, l2_normalize({values}), sha256(n::text::bytea),"
                    " %(record)s FROM (SELECT n, gen_random_uuid() AS asset"
                    " FROM generate_series(1, %(count)s) n) CROSS JOIN (SELECT gen_random_uuid() AS owner)",
                    {"dim": dim, "count": count, "record": RECORD},
                )
                connection.execute(
                    f"CREATE INDEX h ON heimdex.text_vector USING hnsw ((embedding::halfvec({dim}))"
                    " halfvec_cosine_ops) WITH (m = 16, ef_construction = 200)"
                )
                rows, keys_bytes, hnsw = _one(
                    connection,
                    "SELECT pg_table_size(t), pg_indexes_size(t) - pg_relation_size('heimdex.h'),"
                    " pg_relation_size('heimdex.h') FROM (SELECT 'heimdex.text_vector'::regclass AS t)",
                )
        finally:
            server.stop_now()
            server.close()
    each = ", ".join(
        f"{name} {size / count:.0f}" for name, size in (("row", rows), ("keys", keys_bytes), ("hnsw", hnsw))
    )
    print(f"{count} text vectors of {dim}, bytes each: {each}")


def _one(connection: psycopg.Connection[Any], statement: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(statement).fetchone()
    assert row is not None
    return row


if __name__ == "__main__":
    if sys.argv[1:2] == ["vectors"]:
        vectors(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["texts"]:
        texts(int(sys.argv[2]), int(sys.argv[3]))
    else:
        library()
