"""Figures of the whole installation: counts over all owners, which lead to none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("installation")
COUNTING_TIMEOUT_S = 20.0


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
    """Count everything, in one function of the database. Raises StoreError where that takes too long."""
    connection.execute(SQL["limit_counting"], {"timeout_ms": f"{timeout_s * 1000:.0f}"})
    rows = connection.execute(SQL["installation_figures"]).fetchall()
    return tuple(
        Figure(name=name, stage=stage, model=model, state=state, value=value)
        for name, stage, model, state, value in rows
    )
