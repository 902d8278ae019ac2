"""What `verify` reads of words: text vectors and terms that cannot be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("text_checks")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFlaw:
    """A text of a scene whose vector is `missing`, `altered` or `astray` (under another asset)."""

    asset_id: str
    scene_id: str
    position: int
    start_us: int
    channel: str
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TermFlaw:
    """Terms of an asset that are `astray` (they point to scenes it does not have), or `missing`."""

    asset_id: str
    what: str
    count: int


def text_flaws(
    connection: Connection[Any], owner: str, model_id: int, asset_ids: Sequence[str]
) -> list[TextFlaw]:
    """What is wrong with some assets' text vectors of one model."""
    parameters = {"owner": owner, "model": model_id, "assets": list(asset_ids)}
    names = TextFlaw.__dataclass_fields__
    return [
        TextFlaw(**dict(zip(names, row, strict=True)))
        for row in connection.execute(SQL["text_flaws"], parameters)
    ]


def term_flaws(connection: Connection[Any], owner: str, asset_ids: Sequence[str]) -> list[TermFlaw]:
    """What is wrong with some assets' terms."""
    rows = connection.execute(SQL["term_flaws"], {"owner": owner, "assets": list(asset_ids)})
    return [TermFlaw(asset_id=asset_id, what=what, count=count) for asset_id, what, count in rows if count]
