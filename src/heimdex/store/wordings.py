"""All the words there are of an asset: what is said, written and described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Scene, Utterance
from heimdex.store.scenes import scenes_of
from heimdex.store.sql import queries

SQL = queries("wordings")


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenLine:
    """A line of writing, seen over [start_us, end_us) and read in one of the scenes."""

    scene_id: str
    start_us: int
    end_us: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """What a model says of a scene."""

    text: str
    language: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """The scenes of an asset and all their words; sentences come without the times of their words."""

    scenes: tuple[Scene, ...]
    sentences: tuple[Utterance, ...]
    lines: tuple[WrittenLine, ...]
    captions: dict[str, Caption]  # by scene id


def wording_of(connection: Connection[Any], owner: str, asset_id: str) -> Wording:
    """Everything that is known in words of an asset, each part in order of time."""
    key = {"owner": owner, "asset": asset_id}
    return Wording(
        scenes=tuple(scenes_of(connection, owner, asset_id)),
        sentences=tuple(
            Utterance(
                utterance_id=utterance_id,
                position=position,
                start_us=start_us,
                end_us=end_us,
                text=text,
                language=language,
                confidence=confidence,
            )
            for utterance_id, position, start_us, end_us, text, language, confidence in connection.execute(
                SQL["sentences_of_asset"], key
            )
        ),
        lines=tuple(
            WrittenLine(scene_id=scene_id, start_us=start_us, end_us=end_us, text=text)
            for scene_id, start_us, end_us, text in connection.execute(SQL["lines_of_asset"], key)
        ),
        captions={
            scene_id: Caption(text=text, language=language)
            for scene_id, text, language in connection.execute(SQL["captions_of_asset"], key)
        },
    )
