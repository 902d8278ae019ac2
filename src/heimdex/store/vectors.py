"""Models, their spaces, and the vectors in them.

Vectors come back in pgvector's text form, so a connection needs no type look-up before its first query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.entities import Keyframe, Space, Values
from heimdex.store.halves import Half
from heimdex.store.sql import literal_int, queries

SQL = queries("vectors")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSpace:
    """A space with its id in this database."""

    space_id: int
    space: Space


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredModel:
    """A model with its id in this database."""

    model_id: int
    name: str
    spaces: tuple[StoredSpace, ...]

    def space(self, name: str) -> StoredSpace:
        """The space of that name."""
        return next(stored for stored in self.spaces if stored.space.name == name)


@dataclass(frozen=True, kw_only=True, slots=True)
class VectorRow:
    """A keyframe's vector in one space, or None with `metadata["error"]` saying why."""

    keyframe: Keyframe
    space_id: int
    values: NDArray[np.float32] | NDArray[np.float16] | None
    metadata: dict[str, Any]


def to_text(values: NDArray[np.float32] | NDArray[np.float16]) -> str:
    """Pgvector's text form; five digits are more than a half float holds."""
    return "[" + ",".join([f"{value:.5g}" for value in values.tolist()]) + "]"


def from_text(text: str) -> Values:
    """Back from pgvector's text form, float32."""
    return np.array(text.strip("[]").split(","), dtype=np.float32)


def find_model(
    connection: Connection[Any], name: str, precision: str, weights_sha256: str
) -> StoredModel | None:
    """A model that is on record, with its spaces."""
    key = {"name": name, "precision": precision, "sha256": weights_sha256}
    row = connection.execute(SQL["find_model"], key).fetchone()
    if row is None:
        return None
    spaces = connection.execute(SQL["spaces_of_model"], {"model": row[0]}).fetchall()
    stored = tuple(
        StoredSpace(space_id=space_id, space=Space(model=name, name=space, dim=dim))
        for space_id, space, dim in spaces
    )
    return StoredModel(model_id=row[0], name=name, spaces=stored)


def register_model(
    connection: Connection[Any], spaces: Sequence[Space], precision: str, weights_sha256: str
) -> StoredModel:
    """Enter a model and its spaces, or find them."""
    name = spaces[0].model
    key = {"name": name, "precision": precision, "sha256": weights_sha256}
    connection.execute(SQL["register_model"], key)
    row = connection.execute(SQL["find_model"], key).fetchone()
    assert row is not None
    for space in spaces:
        connection.execute(SQL["register_space"], {"model": row[0], "name": space.name, "dim": space.dim})
    found = find_model(connection, name, precision, weights_sha256)
    assert found is not None
    return found


def register_plain(connection: Connection[Any], name: str, precision: str, weights_sha256: str) -> int:
    """Enter a model that makes no vectors, or find it: its id."""
    key = {"name": name, "precision": precision, "sha256": weights_sha256}
    connection.execute(SQL["register_model"], key)
    row = connection.execute(SQL["find_model"], key).fetchone()
    assert row is not None
    return int(row[0])


def replace_vectors(
    connection: Connection[Any], owner: str, asset_id: str, spaces: Sequence[int], rows: Iterable[VectorRow]
) -> None:
    """Write an asset's vectors in some spaces in place of those it had."""
    connection.execute(SQL["delete_vectors"], {"owner": owner, "asset": asset_id, "spaces": list(spaces)})
    _insert(connection, owner, asset_id, rows)


def replace_vectors_of_frames(
    connection: Connection[Any], owner: str, asset_id: str, spaces: Sequence[int], rows: Sequence[VectorRow]
) -> None:
    """Write the vectors of some of an asset's kept frames in place of those these had."""
    keyframes = sorted({row.keyframe.keyframe_id for row in rows})
    connection.execute(
        SQL["delete_vectors_of_frames"], {"owner": owner, "keyframes": keyframes, "spaces": list(spaces)}
    )
    _insert(connection, owner, asset_id, rows)


def vectors_of_scene(
    connection: Connection[Any], owner: str, stored: StoredSpace, scene_id: str
) -> list[Values]:
    """A scene's vectors in one space, best frame first."""
    query = literal_int(SQL["vectors_of_scene"], space_id=stored.space_id)
    rows = connection.execute(query, {"owner": owner, "scene": scene_id})
    return [from_text(embedding) for _, embedding in rows]


def vectors_of_asset(connection: Connection[Any], owner: str, asset_id: str) -> list[dict[str, Any]]:
    """Vectors with their records, for the sidecar."""
    rows = connection.execute(SQL["vectors_of_asset"], {"owner": owner, "asset": asset_id})
    return [
        {
            "keyframe_id": keyframe_id,
            "model": model,
            "space": space,
            "metadata": metadata,
            "vector": None if embedding is None else [round(float(v), 6) for v in from_text(embedding)],
        }
        for keyframe_id, model, space, metadata, embedding in rows
    ]


def count_vectors(connection: Connection[Any], owner: str) -> list[dict[str, Any]]:
    """How full each space is."""
    names = ("model_id", "space_id", "model", "space", "dim", "filled", "failed")
    return [
        dict(zip(names, row, strict=True))
        for row in connection.execute(SQL["count_vectors"], {"owner": owner})
    ]


def has_index(connection: Connection[Any], space_id: int) -> bool:
    """Whether the space has its HNSW index."""
    row = connection.execute(SQL["space_has_index"], {"space": space_id}).fetchone()
    return bool(row and row[0])


def build_index(connection: Connection[Any], space_id: int) -> None:
    """Make the HNSW index of a space. Holds up writers of vectors while it works."""
    connection.execute(SQL["build_space_index"], {"space": space_id})


def rows_at_least(connection: Connection[Any], owner: str, space_id: int, limit: int) -> bool:
    """Whether the owner has at least `limit` rows in the space."""
    query = literal_int(SQL["space_rows"], space_id=space_id, limit=limit)
    row = connection.execute(query, {"owner": owner}).fetchone()
    return bool(row and row[0] >= limit)


def _insert(connection: Connection[Any], owner: str, asset_id: str, rows: Iterable[VectorRow]) -> None:
    with connection.cursor() as cursor:
        # One after the other: the vectors of a long film together would take hundreds of megabytes.
        cursor.executemany(
            SQL["insert_vector"],
            (
                {
                    "owner": owner,
                    "space": row.space_id,
                    "keyframe": row.keyframe.keyframe_id,
                    "scene": row.keyframe.scene_id,
                    "asset": asset_id,
                    "rank": row.keyframe.rank,
                    "embedding": None if row.values is None else Half(row.values),
                    "metadata": Jsonb(row.metadata),
                }
                for row in rows
            ),
        )
