"""What one model's vectors still lack, counted from rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Keyframe
from heimdex.store.runs import RunKey
from heimdex.store.scenes import keyframe_of
from heimdex.store.sql import literal_int, queries

SQL = queries("backlog")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Whose vectors, of which model, are wanted. `width` is how many spaces it has, known to the database or
    not; `version` is that of the stage `picture`, `scenes_version` of the one it rests on.
    """

    owner: str
    model_id: int
    spaces: tuple[int, ...]
    width: int
    version: int
    scenes_version: int
    assets: tuple[str, ...] | None = None  # only these
    failed: bool = False  # also what failed before
    force: bool = False  # also what is there

    def parameters(self) -> dict[str, Any]:
        """As query parameters."""
        return {
            "owner": self.owner,
            "model": self.model_id,
            "spaces": list(self.spaces),
            "width": self.width,
            "version": self.version,
            "scenes_version": self.scenes_version,
            "failed": self.failed,
            "force": self.force,
            "assets": list(self.assets or ()),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class DueAsset:
    """An asset to make vectors of. `stale`: what it has of them is of another version, or content."""

    asset_id: str
    stale: bool
    frames: tuple[Keyframe, ...]  # to be encoded, in the order of their scenes


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """How much is due."""

    assets: int
    scenes: int
    frames: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """How far an asset has come: kept frames, vector rows, frames without a vector and the reason of one."""

    frames: int
    rows: int
    failed: int
    error: str | None


def next_due(connection: Connection[Any], wanted: Wanted, after: str, *, limit: int) -> list[tuple[str, int]]:
    """(asset id, its scenes with kept frames) of the next assets that are due, in the order of their ids."""
    only = ("only_after",) if wanted.assets is None else ("only_after", "only_assets")
    query = literal_int(with_due("next_due", *only), limit=limit)
    return connection.execute(query, wanted.parameters() | {"after": after}).fetchall()


def look_closely(connection: Connection[Any], wanted: Wanted, asset_ids: Sequence[str]) -> list[DueAsset]:
    """Those of the assets that are due, with the kept frames to encode."""
    parameters = wanted.parameters() | {"assets": list(asset_ids)}
    due = connection.execute(with_due("still_due", "only_assets"), parameters).fetchall()
    frames: dict[str, list[Keyframe]] = {asset_id: [] for asset_id, _ in due}
    for row in connection.execute(with_due("lacking_frames", "only_assets"), parameters):
        frames.setdefault(row[0], []).append(keyframe_of(row))
    return [
        DueAsset(asset_id=asset_id, stale=stale, frames=tuple(frames[asset_id])) for asset_id, stale in due
    ]


def count(connection: Connection[Any], wanted: Wanted) -> Backlog:
    """How much is due."""
    row = connection.execute(with_due("count_backlog", *_only_of(wanted)), wanted.parameters()).fetchone()
    assert row is not None
    return Backlog(assets=row[0], scenes=row[1], frames=row[2])


def count_given_up(connection: Connection[Any], wanted: Wanted) -> int:
    """Scenes without a vector that are left alone because they failed before."""
    text = _narrowed(SQL["count_given_up"], *_only_of(wanted))
    row = connection.execute(text, wanted.parameters()).fetchone()
    assert row is not None
    return int(row[0])


def stored(connection: Connection[Any], owner: str, asset_id: str, spaces: Sequence[int]) -> Stored:
    """How far an asset has come."""
    parameters = {"owner": owner, "asset": asset_id, "spaces": list(spaces)}
    row = connection.execute(SQL["stored_vectors"], parameters).fetchone()
    assert row is not None
    return Stored(frames=row[0], rows=row[1], failed=row[2], error=row[3])


def put_back(connection: Connection[Any], owner: str, key: RunKey, attempt: int, row_count: int) -> None:
    """End an attempt before its stage has ended; what it wrote stays."""
    connection.execute(SQL["put_back"], key.columns(owner) | {"attempt": attempt, "row_count": row_count})


def with_due(name: str, *only: str) -> str:
    """A statement with the assets that are due put in, narrowed to some of them (nothing: all)."""
    text = SQL[name].replace("/* due */", SQL["due"].strip().rstrip(";"))
    return _narrowed(text.replace("/* lacking */", SQL["lacking"].strip().rstrip(";")), *only)


def _only_of(wanted: Wanted) -> tuple[str, ...]:
    return () if wanted.assets is None else ("only_assets",)


def _narrowed(text: str, *only: str) -> str:
    return text.replace("/* only */", " ".join(SQL[name].strip() for name in only))
