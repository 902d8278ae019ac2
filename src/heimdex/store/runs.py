"""Rows of the ledger: one per asset × stage × model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import StageRun, StageState
from heimdex.errors import NotFound, Superseded
from heimdex.store.sql import queries

SQL = queries("runs")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunKey:
    """What one ledger row is about."""

    asset_id: str
    stage: str
    model_id: int = 0

    def columns(self, owner: str) -> dict[str, Any]:
        """As query parameters."""
        return {"owner": owner, "asset": self.asset_id, "stage": self.stage, "model": self.model_id}


def runs_of(connection: Connection[Any], owner: str, asset_ids: Iterable[str]) -> list[StageRun]:
    """The ledger of some assets."""
    rows = connection.execute(SQL["runs_of_assets"], {"owner": owner, "assets": list(asset_ids)})
    return [_run(row) for row in rows]


def all_runs(connection: Connection[Any], owner: str) -> list[StageRun]:
    """The whole ledger."""
    return [_run(row) for row in connection.execute(SQL["all_runs"], {"owner": owner})]


def begin(connection: Connection[Any], owner: str, key: RunKey, version: int) -> int:
    """Take a stage over and return the fencing token. Raises NotFound when the asset is gone."""
    row = connection.execute(SQL["begin_run"], key.columns(owner) | {"version": version}).fetchone()
    if row is None:
        raise NotFound(f"asset {key.asset_id} was removed meanwhile")
    return int(row[0])


def fence(connection: Connection[Any], owner: str, key: RunKey, attempt: int) -> None:
    """Hold the ledger row for this transaction. Raises Superseded when the attempt was taken over."""
    row = connection.execute(SQL["fence_run"], key.columns(owner)).fetchone()
    if row is None or row[0] != attempt:
        raise Superseded(
            f"stage {key.stage} of asset {key.asset_id} was taken over by another process; "
            "nothing was written"
        )


def finish(
    connection: Connection[Any],
    owner: str,
    key: RunKey,
    attempt: int,
    outcome: tuple[StageState, int, str | None, float],
) -> None:
    """Write (state, row count, error, duration in ms) of the attempt."""
    state, row_count, error, duration_ms = outcome
    if error is not None:
        error = error.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    connection.execute(
        SQL["finish_run"],
        key.columns(owner)
        | {
            "attempt": attempt,
            "state": str(state),
            "row_count": row_count,
            "error": error,
            "duration_ms": duration_ms,
        },
    )


def reset(connection: Connection[Any], owner: str, asset_ids: Sequence[str], stage: str | None) -> None:
    """Put a stage (or all) of some assets back to pending."""
    connection.execute(SQL["reset_runs"], {"owner": owner, "assets": list(asset_ids), "stage": stage})


def drop_stages(connection: Connection[Any], owner: str, asset_id: str, stages: Sequence[str]) -> None:
    """Drop the entries of stages that rested on rows now replaced."""
    connection.execute(
        SQL["delete_runs_of_stage"], {"owner": owner, "asset": asset_id, "stages": list(stages)}
    )


def count_runs(connection: Connection[Any], owner: str) -> list[tuple[str, str, str, int]]:
    """(stage, model, state, count)."""
    return [(s, m, state, n) for s, m, state, n in connection.execute(SQL["count_runs"], {"owner": owner})]


def _run(row: Sequence[Any]) -> StageRun:
    return StageRun(
        asset_id=row[0],
        stage=row[1],
        model_id=row[2],
        version=row[3],
        state=StageState(row[4]),
        content_hash=row[5],
        row_count=row[6],
        attempt=row[7],
        started_at=row[8],
        finished_at=row[9],
        duration_ms=row[10],
        error=row[11],
    )
