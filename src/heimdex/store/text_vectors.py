"""Text vectors: what a scene's transcript, description and summary mean.

Few rows are scanned exactly, many searched by the HNSW index of their channel, as in nearest.py. Space,
channel and dimension are literals in the SQL: a partial index is found by literals only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.entities import Filters, TextChannel, Values
from heimdex.store.halves import Half
from heimdex.store.nearest import EXACT_ROWS, filter_parameters, set_up_search, with_filters
from heimdex.store.sql import literal_int, queries, uuid_array
from heimdex.store.vectors import StoredSpace, from_text

SQL = queries("text_vectors")
_NEAREST = {True: "nearest_texts_exact", False: "nearest_texts_indexed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TextRow:
    """The vector of one channel of a scene, or None with `metadata["error"]` saying why.

    `text` is what a hit shows of it, `at_us` when that is said; None: it is of the scene as a whole.
    """

    scene_id: str
    channel: TextChannel
    text: str
    at_us: int | None
    values: NDArray[np.float32] | NDArray[np.float16] | None
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class TextScore:
    """A scene's text for a vector: its cosine, what it says, and when."""

    cosine: float
    text: str
    at_us: int | None


def replace_texts(
    connection: Connection[Any], owner: str, asset_id: str, space_id: int, rows: Iterable[TextRow]
) -> None:
    """Write an asset's text vectors in one space in place of those it had.

    Those of models whose stage no longer stands in the ledger go: they are of other words.
    """
    common = {"owner": owner, "asset": asset_id, "space": space_id}
    connection.execute(SQL["delete_texts"], common)
    connection.execute(SQL["delete_astray_texts"], common)
    connection.execute(SQL["delete_stale_texts"], {"owner": owner, "asset": asset_id})
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL["insert_text"],
            (
                common
                | {
                    "channel": str(row.channel),
                    "scene": row.scene_id,
                    "text": row.text,
                    "at_us": row.at_us,
                    "embedding": None if row.values is None else Half(row.values),
                    "metadata": Jsonb(row.metadata),
                }
                for row in rows
            ),
        )


def texts_of_asset(connection: Connection[Any], owner: str, asset_id: str) -> list[dict[str, Any]]:
    """Texts and vectors with their records, for the sidecar."""
    rows = connection.execute(SQL["texts_of_asset"], {"owner": owner, "asset": asset_id})
    return [
        {
            "scene_id": scene_id,
            "channel": channel,
            "model": model,
            "space": space,
            "text": text,
            "at": None if at_us is None else at_us / 1e6,
            "metadata": metadata,
            "vector": None if embedding is None else [round(float(v), 6) for v in from_text(embedding)],
        }
        for scene_id, channel, model, space, text, at_us, metadata, embedding in rows
    ]


def count_texts(connection: Connection[Any], owner: str) -> list[dict[str, Any]]:
    """How full each space is, channel by channel."""
    names = ("model_id", "space_id", "model", "space", "dim", "channel", "filled", "failed")
    rows = connection.execute(SQL["count_texts"], {"owner": owner})
    return [dict(zip(names, row, strict=True)) for row in rows]


def build_large_indexes(
    connection: Connection[Any], owner: str, space_id: int, *, exact_rows: int = EXACT_ROWS
) -> list[TextChannel]:
    """Give every channel of a space that has outgrown the exact scan its HNSW index; which were made."""
    made = []
    for channel in TextChannel:
        query = _of(channel, SQL["count_text_space"], space_id=space_id, limit=exact_rows)
        row = connection.execute(query, {"owner": owner}).fetchone()
        large = row is not None and row[0] >= exact_rows
        if large and not has_index(connection, space_id, channel):
            connection.execute(SQL["build_text_index"], {"space": space_id, "channel": str(channel)})
            made.append(channel)
    return made


def has_index(connection: Connection[Any], space_id: int, channel: TextChannel) -> bool:
    """Whether a channel of a space has its HNSW index."""
    row = connection.execute(SQL["text_has_index"], {"space": space_id, "channel": str(channel)}).fetchone()
    return bool(row and row[0])


def has_rows(connection: Connection[Any], owner: str, place: tuple[StoredSpace, TextChannel]) -> bool:
    """Whether a channel has any vectors."""
    stored, channel = place
    query = _of(channel, SQL["count_text_space"], space_id=stored.space_id, limit=1)
    row = connection.execute(query, {"owner": owner}).fetchone()
    return bool(row and row[0])


def choose_exact(
    connection: Connection[Any],
    owner: str,
    stored: StoredSpace,
    channel: TextChannel,
    filters: Filters,
    *,
    exact_rows: int = EXACT_ROWS,
) -> bool:
    """Whether so few rows pass the filters that scanning them all is the better way."""
    name = "count_text_space" if filters == Filters() else "count_text_rows"
    statement = with_filters(SQL[name], filters)
    query = _of(channel, statement, space_id=stored.space_id, limit=exact_rows + 1)
    row = connection.execute(query, filter_parameters(filters) | {"owner": owner}).fetchone()
    assert row is not None
    return row[0] <= exact_rows or not has_index(connection, stored.space_id, channel)


def nearest_texts(
    connection: Connection[Any],
    owner: str,
    stored: StoredSpace,
    vector: Values,
    filters: Filters,
    exact: Mapping[TextChannel, bool],
    *,
    limit: int,
    set_up: bool = True,
) -> dict[TextChannel, list[str]]:
    """Of each channel the ids of the scenes whose texts are nearest to a vector, the nearest first.

    `exact` says of the channels that are asked what `choose_exact` said. `set_up=False`: the transaction has
    been set up.
    """
    if set_up:
        set_up_search(connection, limit=limit)
    literals = {"space_id": stored.space_id, "dim": stored.space.dim, "limit": limit}
    each = [
        _of(channel, with_filters(SQL[_NEAREST[is_exact]], filters), **literals)
        for channel, is_exact in exact.items()
    ]
    parameters = filter_parameters(filters) | {"owner": owner, "vector": Half(vector)}
    found: dict[TextChannel, list[str]] = {channel: [] for channel in exact}
    for channel, scene_id in connection.execute(" UNION ALL ".join(each), parameters).fetchall():
        found[TextChannel(channel)].append(scene_id)
    return found


def score_texts(
    connection: Connection[Any],
    owner: str,
    place: tuple[StoredSpace, Sequence[TextChannel]],
    vector: Values,
    scenes: Sequence[str],
    *,
    least: float = -1.0,
) -> dict[TextChannel, dict[str, TextScore]]:
    """Each scene's texts by channel, those with a cosine of at least `least` to a vector."""
    stored, channels = place
    query = literal_int(SQL["score_texts"], space_id=stored.space_id, dim=stored.space.dim)
    parameters = {
        "owner": owner,
        "vector": Half(vector),
        "scenes": uuid_array(scenes),
        "channels": [str(channel) for channel in channels],
        "most": 1.0 - least,
    }
    found: dict[TextChannel, dict[str, TextScore]] = {channel: {} for channel in channels}
    for scene_id, channel, distance, text, at_us in connection.execute(query, parameters).fetchall():
        found[TextChannel(channel)][scene_id] = TextScore(cosine=1.0 - distance, text=text, at_us=at_us)
    return found


def coverage(connection: Connection[Any], owner: str, model_id: int) -> tuple[int, int]:
    """(present assets, those whose stage `text` is done for the model)."""
    row = connection.execute(SQL["text_coverage"], {"owner": owner, "model": model_id}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _of(channel: TextChannel, statement: str, **literals: int) -> str:
    # A member of the enumeration, so nothing else can come into the statement.
    return literal_int(statement.replace("/* channel */", TextChannel(channel).value), **literals)
