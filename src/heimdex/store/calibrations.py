"""What is known of each vector's hubness, and a fair sample of a library's vectors.

Vectors come in pgvector's binary form here: a thousand of them as text would take longer to read than the
search they serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from heimdex.store.sql import literal_int, queries, uuid_array
from heimdex.store.vectors import StoredSpace

SQL = queries("calibrations")
FIRST = ("00000000-0000-0000-0000-000000000000", -1)
HEAD_BYTES = 4  # of a halfvec: its length and an unused field, two bytes each

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameKey:
    """A kept frame by its scene and rank."""

    scene_id: str
    rank: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What background texts score against a vector, on the scale of `encoders.background`."""

    mean: float
    deviation: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Rows drawn from a space: vectors (n, dim), their means and deviations (n,), and its rows in all."""

    values: Floats
    means: Floats
    deviations: Floats
    rows: int  # an estimate where the library is larger than the sample


def uncalibrated(
    connection: Connection[Any],
    owner: str,
    stored: StoredSpace,
    *,
    version: int,
    after: FrameKey | None = None,
    limit: int,
) -> tuple[list[FrameKey], Floats]:
    """The next vectors without a calibration of this version: their keys and the vectors, (n, dim)."""
    scene_id, rank = (after.scene_id, after.rank) if after else FIRST
    query = literal_int(SQL["uncalibrated"], space_id=stored.space_id, limit=limit)
    parameters = {"owner": owner, "version": version, "scene": scene_id, "rank": rank}
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query, parameters).fetchall()
    return [FrameKey(scene_id=row[0], rank=row[1]) for row in rows], _stack([row[2] for row in rows], stored)


def write_calibrations(
    connection: Connection[Any],
    owner: str,
    stored: StoredSpace,
    keys: Sequence[FrameKey],
    calibrations: Sequence[Calibration],
    *,
    version: int,
) -> None:
    """Enter calibrations. Those of vectors that were removed meanwhile are passed over."""
    query = literal_int(SQL["write_calibrations"], space_id=stored.space_id)
    parameters = {
        "owner": owner,
        "version": version,
        "scenes": uuid_array(key.scene_id for key in keys),
        "ranks": [key.rank for key in keys],
        "means": [item.mean for item in calibrations],
        "deviations": [item.deviation for item in calibrations],
    }
    connection.execute(query, parameters)


def sample(connection: Connection[Any], owner: str, stored: StoredSpace, *, limit: int) -> Sample:
    """A fair sample of at most `limit` calibrated rows; the same one while rows do not change."""
    query = literal_int(SQL["sample"], space_id=stored.space_id, limit=limit)
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query, {"owner": owner}).fetchall()
    return Sample(
        values=_stack([row[3] for row in rows], stored),
        means=np.array([row[1] for row in rows], np.float32),
        deviations=np.array([row[2] for row in rows], np.float32),
        rows=_rows_in_all([row[0] for row in rows], limit),
    )


def _rows_in_all(draws: Sequence[float], limit: int) -> int:
    """How many uniform draws there are whose least are these.

    The k-th least of N has its mean at k / (N + 1), and (k - 1) / d is an unbiased estimate of N (Bar-Yossef
    et al. 2002 count distinct elements so).
    """
    if len(draws) < limit or draws[-1] <= 0:
        return len(draws)
    return max(len(draws), round((len(draws) - 1) / draws[-1]))


def _stack(values: Sequence[bytes], stored: StoredSpace) -> Floats:
    """The binary form of n half vectors as float32, (n, dim)."""
    halves = np.frombuffer(b"".join(value[HEAD_BYTES:] for value in values), dtype=">f2")
    return halves.reshape(len(values), stored.space.dim).astype(np.float32)
