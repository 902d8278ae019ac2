"""Changes of an owner's picture model on record, and the queries by which two models are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.entities import new_id
from heimdex.store.sql import queries

SQL = queries("changes")

LONGEST_QUERY = 500  # characters


class ChangeState(StrEnum):
    """How far a change has come."""

    BUILDING = "building"
    READY = "ready"  # built and checked; the pointer has not moved yet
    SWITCHED = "switched"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class Reach(StrEnum):
    """Whose pointer a change moves."""

    OWNER = "owner"
    DEFAULT = "default"  # the installation's
    SHARE = "share"  # the installation's, for some owners


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRecord:
    """A change of one owner's model."""

    change_id: str
    from_id: int | None
    to_id: int
    reach: Reach
    state: ChangeState
    report: Mapping[str, Any]
    error: str | None
    keep_days: int
    started_at: datetime
    finished_at: datetime | None
    pruned_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewChange:
    """What a change is begun with."""

    from_id: int | None
    to_id: int
    reach: Reach
    keep_days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedQuery:
    """A query that was asked or saved."""

    query: str
    saved: bool
    asked_at: datetime


def begin_change(connection: Connection[Any], owner: str, new: NewChange) -> str:
    """Enter a change, or go on with the one to the same model that was cut off: its id.

    One that was cut off on the way to another model is entered as failed.
    """
    values = {
        "owner": owner,
        "from": new.from_id,
        "to": new.to_id,
        "reach": str(new.reach),
        "keep_days": new.keep_days,
    }
    found = open_change(connection, owner)
    if found is not None and found.to_id == new.to_id:
        connection.execute(SQL["resume_change"], values | {"change": found.change_id})
        return found.change_id
    if found is not None:
        end_change(connection, owner, found.change_id, ChangeState.FAILED, "cut off; another was begun")
    change_id = new_id()
    connection.execute(SQL["begin_change"], values | {"change": change_id})
    return change_id


def open_change(connection: Connection[Any], owner: str) -> ChangeRecord | None:
    """The owner's change that is not over."""
    row = connection.execute(SQL["open_change"], {"owner": owner}).fetchone()
    return None if row is None else _record(row)


def list_changes(connection: Connection[Any], owner: str, *, limit: int = 20) -> list[ChangeRecord]:
    """The owner's changes, the newest first."""
    rows = connection.execute(SQL["list_changes"], {"owner": owner, "limit": limit})
    return [_record(row) for row in rows]


def note_change(
    connection: Connection[Any],
    owner: str,
    change_id: str,
    report: Mapping[str, Any],
    *,
    state: ChangeState | None = None,
) -> None:
    """Add to what is known of a change; its state stays where none is given."""
    values = {"owner": owner, "change": change_id, "state": state, "report": Jsonb(dict(report))}
    connection.execute(SQL["note_change"], values)


def end_change(
    connection: Connection[Any], owner: str, change_id: str, state: ChangeState, error: str | None = None
) -> None:
    """Enter how a change ended."""
    values = {"owner": owner, "change": change_id, "state": str(state), "error": error}
    connection.execute(SQL["end_change"], values)


def roll_back_change(connection: Connection[Any], owner: str, to_id: int) -> None:
    """Enter that the last change to a model was taken back."""
    connection.execute(SQL["roll_back_change"], {"owner": owner, "to": to_id})


def left_models(connection: Connection[Any], owner: str) -> dict[int, bool]:
    """Models that changes left behind, by id: whether the time they are kept for has run out."""
    return dict(connection.execute(SQL["left_models"], {"owner": owner}).fetchall())


def mark_pruned(connection: Connection[Any], owner: str, model_id: int) -> None:
    """Enter that what was left of a model is gone."""
    connection.execute(SQL["mark_pruned"], {"owner": owner, "model": model_id})


def failed_assets(
    connection: Connection[Any], owner: str, model_id: int, *, limit: int
) -> list[tuple[str, str]]:
    """(path, reason) of assets with frames that a model could not encode."""
    values = {"owner": owner, "model": model_id, "limit": limit}
    return [(path, error) for path, error in connection.execute(SQL["failed_assets"], values)]


def note_query(connection: Connection[Any], owner: str, query: str, *, saved: bool = False) -> None:
    """Keep a query among the latest, or for good."""
    connection.execute(SQL["note_query"], {"owner": owner, "query": query[:LONGEST_QUERY], "saved": saved})


def note_asked(connection: Connection[Any], owner: str, asked: Sequence[str], *, keep: int) -> None:
    """Keep queries that were asked, and of all of these the latest `keep`. Does not wait for the disk."""
    connection.execute(SQL["do_not_wait_for_disk"])
    for query in asked:
        note_query(connection, owner, query)
    connection.execute(SQL["trim_queries"], {"owner": owner, "keep": keep})


def list_queries(connection: Connection[Any], owner: str, *, limit: int) -> list[AskedQuery]:
    """Saved queries first, then the latest."""
    rows = connection.execute(SQL["list_queries"], {"owner": owner, "limit": limit})
    return [AskedQuery(query=query, saved=saved, asked_at=at) for query, saved, at in rows]


def forget_query(connection: Connection[Any], owner: str, query: str) -> bool:
    """Forget a query; whether there was one."""
    return connection.execute(SQL["forget_query"], {"owner": owner, "query": query}).rowcount > 0


def _record(row: Sequence[Any]) -> ChangeRecord:
    named = dict(zip(ChangeRecord.__slots__, row, strict=True))
    return ChangeRecord(**named | {"reach": Reach(named["reach"]), "state": ChangeState(named["state"])})
