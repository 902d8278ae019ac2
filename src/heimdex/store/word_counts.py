"""How much is said, written and described, and how much of it is still to be found out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("word_counts")


@dataclass(frozen=True, kw_only=True, slots=True)
class WordCounts:
    """Rows of an asset, or of a library: sentences, lines of writing, scenes that are described."""

    utterances: int = 0
    lines: int = 0
    descriptions: int = 0


def count_words(connection: Connection[Any], owner: str) -> WordCounts:
    """Of the whole library."""
    row = connection.execute(SQL["count_words"], {"owner": owner}).fetchone()
    assert row is not None
    return _counts(*row)


def count_words_of_assets(
    connection: Connection[Any], owner: str, asset_ids: Sequence[str] | None = None
) -> dict[str, WordCounts]:
    """By asset; those without any are left out. `asset_ids`: of these only."""
    wanted = None if asset_ids is None else list(asset_ids)
    rows = connection.execute(SQL["count_words_of_assets"], {"owner": owner, "assets": wanted})
    return {found: _counts(*counts) for found, *counts in rows}


def count_waiting(connection: Connection[Any], owner: str) -> dict[str, int]:
    """Assets that a later stage has still to come to, by stage; stages that wait for nothing are left out."""
    return dict(connection.execute(SQL["count_waiting"], {"owner": owner}).fetchall())


def _counts(utterances: int, lines: int, descriptions: int) -> WordCounts:
    return WordCounts(utterances=utterances, lines=lines, descriptions=descriptions)
