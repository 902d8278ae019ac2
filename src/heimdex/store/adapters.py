"""Versions of what marked queries taught a search, and the pointer to the one in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.errors import NotFound, UsageError
from heimdex.store.sql import queries

SQL = queries("adapters")
ACTIVE, READY, REFUSED = "active", "ready", "refused"

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AdapterContent:
    """What a version does: its numbers, its anchors and their coefficients, both (n, dim)."""

    parameters: Mapping[str, Any]
    anchors: Floats
    coefficients: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterRecord:
    """What is told of a version."""

    version: int
    model_id: int
    model: str
    precision: str
    state: str
    reason: str | None  # of a refused one
    parameters: Mapping[str, Any]
    figures: Mapping[str, Any]
    trained_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveAdapter:
    """A version in use, and the model it was trained for."""

    model_id: int
    version: int
    model: str


def add_adapter(
    connection: Connection[Any],
    owner: str,
    model_id: int,
    content: AdapterContent,
    *,
    figures: Mapping[str, Any],
    reason: str | None,
) -> AdapterRecord:
    """Keep a new version; use it in place of the one before, unless there is a reason against."""
    connection.execute(SQL["lock_adapters"], {"owner": owner})
    row = connection.execute(
        SQL["add_adapter"],
        {
            "owner": owner,
            "model": model_id,
            "state": READY if reason is None else REFUSED,
            "reason": reason,
            "parameters": Jsonb(dict(content.parameters)),
            "anchors": _to_bytes(content.anchors),
            "coefficients": _to_bytes(content.coefficients),
            "figures": Jsonb(dict(figures)),
        },
    ).fetchone()
    assert row is not None
    version = int(row[0])
    if reason is None:
        _move(connection, owner, model_id, version)
    return _record(connection, owner, version)


def use_adapter(connection: Connection[Any], owner: str, version: int) -> AdapterRecord:
    """Move the pointer of a version's model to it. Raises NotFound, UsageError for a refused one."""
    connection.execute(SQL["lock_adapters"], {"owner": owner})
    found = _record(connection, owner, version)
    if found.state == REFUSED:
        raise UsageError(f"Adapter {version} cannot be used: {found.reason}. Train another with more marks.")
    if found.state == READY:
        _move(connection, owner, found.model_id, version)
    return _record(connection, owner, version)


def adapters_off(connection: Connection[Any], owner: str) -> list[int]:
    """Use no adapter with any model; the versions that were in use."""
    connection.execute(SQL["lock_adapters"], {"owner": owner})
    rows = connection.execute(SQL["adapters_off"], {"owner": owner, "model": None})
    return sorted(row[0] for row in rows)


def list_adapters(connection: Connection[Any], owner: str) -> list[AdapterRecord]:
    """All versions, the newest first."""
    names = AdapterRecord.__slots__
    return [
        AdapterRecord(**dict(zip(names, row, strict=True)))
        for row in connection.execute(SQL["list_adapters"], {"owner": owner})
    ]


def active_adapters(connection: Connection[Any], owner: str) -> list[ActiveAdapter]:
    """The versions in use, one of a model at most."""
    rows = connection.execute(SQL["active_adapters"], {"owner": owner})
    return [ActiveAdapter(model_id=row[0], version=row[1], model=row[2]) for row in rows]


def load_adapter(connection: Connection[Any], owner: str, version: int) -> AdapterContent:
    """What a version does. Raises NotFound."""
    key = {"owner": owner, "version": version}
    row = connection.execute(SQL["load_adapter"], key).fetchone()
    if row is None:
        raise _not_found(version)
    dim = int(row[0]["dim"])
    return AdapterContent(
        parameters=row[0], anchors=_from_bytes(row[1], dim), coefficients=_from_bytes(row[2], dim)
    )


def scenes_of_moments(
    connection: Connection[Any], owner: str, moments: Sequence[tuple[str, int | None, int | None]]
) -> list[list[str]]:
    """For each moment, (path or its last parts, start, end in microseconds), the scenes that meet it."""
    paths, starts, ends = ([moment[place] for moment in moments] for place in range(3))
    found: list[list[str]] = [[] for _ in moments]
    parameters = {"owner": owner, "paths": paths, "starts": starts, "ends": ends}
    for number, scene_id in connection.execute(SQL["scenes_of_moments"], parameters):
        found[number].append(scene_id)
    return found


def rounded(rows: Floats) -> Floats:
    """Rows as they come back once they were stored."""
    return rows.astype("<f2").astype(np.float32)


def _move(connection: Connection[Any], owner: str, model_id: int, version: int) -> None:
    connection.execute(SQL["adapters_off"], {"owner": owner, "model": model_id})
    connection.execute(SQL["adapter_on"], {"owner": owner, "version": version})


def _record(connection: Connection[Any], owner: str, version: int) -> AdapterRecord:
    for record in list_adapters(connection, owner):
        if record.version == version:
            return record
    raise _not_found(version)


def _not_found(version: int) -> NotFound:
    return NotFound(f"There is no adapter {version}; `heimdex adapter list` names those there are.")


def _to_bytes(rows: Floats) -> bytes:
    return rows.astype("<f2").tobytes()


def _from_bytes(data: bytes, dim: int) -> Floats:
    return np.frombuffer(data, dtype="<f2").reshape(-1, dim).astype(np.float32)
