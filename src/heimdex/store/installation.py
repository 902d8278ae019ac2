"""Figures of the whole installation: counts over all owners, which lead to none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("installation")
COUNTING_TIMEOUT_S = 60.0
VECTORS_TIMEOUT_S = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number. `name` says what was counted; what does not apply is empty. Of jobs `stage` is the queue."""

    name: str
    stage: str
    model: str
    state: str
    value: float


def installation_figures(
    connection: Connection[Any], *, timeout_s: float = COUNTING_TIMEOUT_S
) -> tuple[Figure, ...]:
    """Count assets, files, the ledger and jobs. Raises StoreError where that takes too long."""
    return _figures(connection, "installation_figures", timeout_s)


def vector_figures(
    connection: Connection[Any], *, timeout_s: float = VECTORS_TIMEOUT_S
) -> tuple[Figure, ...]:
    """Count vectors, by reading each row. Raises StoreError where that takes too long."""
    return _figures(connection, "vector_figures", timeout_s)


def _figures(connection: Connection[Any], name: str, timeout_s: float) -> tuple[Figure, ...]:
    connection.execute(SQL["limit_counting"], {"timeout_ms": f"{timeout_s * 1000:.0f}"})
    return tuple(
        Figure(name=name, stage=stage, model=model, state=state, value=value)
        for name, stage, model, state, value in connection.execute(SQL[name]).fetchall()
    )
