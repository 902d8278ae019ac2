"""What vision models say of scenes, and what they said before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.store.sql import queries

SQL = queries("descriptions")


@dataclass(frozen=True, kw_only=True, slots=True)
class DescriptionRow:
    """A scene's description, or None with `metadata["error"]` saying why."""

    scene_id: str
    text: str | None
    language: str | None
    model: str
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheKey:
    """What was asked: the best frame shown, and the digest of prompt and frames (both SHA-256 in hex)."""

    frame_sha256: str
    asked_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedAnswer:
    """What a model answered: words, or why it says none."""

    text: str | None
    refusal: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def write_descriptions(
    connection: Connection[Any], owner: str, asset_id: str, rows: Iterable[DescriptionRow]
) -> None:
    """Write descriptions of some scenes of an asset in place of those these had.

    A row without a text does not replace one with a text by another model.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL["upsert_description"],
            (
                {
                    "owner": owner,
                    "scene": row.scene_id,
                    "asset": asset_id,
                    "text": row.text,
                    "language": row.language,
                    "model": row.model,
                    "metadata": Jsonb(row.metadata),
                }
                for row in rows
            ),
        )


def descriptions_of(connection: Connection[Any], owner: str, asset_id: str) -> list[DescriptionRow]:
    """The descriptions of an asset in the order of its scenes."""
    rows = connection.execute(SQL["descriptions_of_asset"], {"owner": owner, "asset": asset_id})
    return [
        DescriptionRow(scene_id=scene_id, text=text, language=language, model=model, metadata=metadata)
        for scene_id, text, language, model, metadata in rows
    ]


def remembered(
    connection: Connection[Any], owner: str, model: str, keys: Sequence[CacheKey]
) -> dict[str, CachedAnswer]:
    """What a model answered to these questions before, by `asked_sha256`."""
    parameters = {
        "owner": owner,
        "model": model,
        "frames": [key.frame_sha256 for key in keys],
        "asked": [key.asked_sha256 for key in keys],
    }
    return {
        asked: CachedAnswer(text=text, refusal=refusal, metadata=metadata)
        for asked, text, refusal, metadata in connection.execute(SQL["remembered"], parameters)
    }


def remember(
    connection: Connection[Any], owner: str, model: str, key: CacheKey, answer: CachedAnswer
) -> None:
    """Keep an answer for the next time the same is asked."""
    connection.execute(
        SQL["remember"],
        {
            "owner": owner,
            "frame": key.frame_sha256,
            "model": model,
            "asked": key.asked_sha256,
            "text": answer.text,
            "refusal": answer.refusal,
            "metadata": Jsonb(dict(answer.metadata)),
        },
    )


def forget_unkept(connection: Connection[Any], owner: str) -> int:
    """Drop answers about frames that are no longer kept; how many."""
    return connection.execute(SQL["forget_unkept"], {"owner": owner}).rowcount
