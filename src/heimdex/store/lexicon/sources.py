"""The texts themselves, as they were said, written and described: what a hit shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Utterance, Word
from heimdex.store.lexicon.stems import SQL
from heimdex.store.sql import literal_int, uuid_array

LONGEST_SENTENCE_US = 60_000_000  # longer ones are few, and have an index of their own (utterance_long)
LONGEST_LINE_US = 600_000_000  # a line that stands for longer is shown with the scene it was read in only

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Makers:
    """The models that wrote down a scene's words; "subtitles" where people did. None where nothing did."""

    said: str | None
    written: str | None
    described: str | None


def sentences_of(
    connection: Connection[Any], owner: str, scenes: Sequence[str]
) -> dict[str, list[Utterance]]:
    """The sentences that are said in each scene, in order."""
    found: dict[str, list[Utterance]] = {}
    query = literal_int(SQL["sentences_of_scenes"], longest_us=LONGEST_SENTENCE_US)
    rows = connection.execute(query, {"owner": owner, "scenes": uuid_array(scenes)})
    for scene_id, position, text, start_us, end_us, timed in rows:
        found.setdefault(scene_id, []).append(
            Utterance(
                position=position,
                start_us=start_us,
                end_us=end_us,
                text=text,
                words=tuple(
                    Word(text=word, start_us=start, end_us=end, confidence=confidence)
                    for word, start, end, confidence in timed
                ),
                utterance_id="",  # nobody asks for it here
            )
        )
    return found


def lines_of(
    connection: Connection[Any], owner: str, scenes: Sequence[str]
) -> dict[str, list[tuple[str, int, Box]]]:
    """(text, at_us, box) of every line that stands in each scene."""
    found: dict[str, list[tuple[str, int, Box]]] = {}
    query = literal_int(SQL["lines_of_scenes"], longest_us=LONGEST_LINE_US)
    rows = connection.execute(query, {"owner": owner, "scenes": uuid_array(scenes)})
    for scene_id, text, at_us, (x, y, width, height) in rows:
        found.setdefault(scene_id, []).append((text, at_us, (x, y, width, height)))
    return found


def descriptions_of(connection: Connection[Any], owner: str, scenes: Sequence[str]) -> dict[str, str]:
    """What is described of each scene."""
    rows = connection.execute(SQL["descriptions_of_scenes"], {"owner": owner, "scenes": uuid_array(scenes)})
    return dict(rows.fetchall())


def makers_of(connection: Connection[Any], owner: str, scenes: Sequence[str]) -> dict[str, Makers]:
    """Who wrote down the words of each scene."""
    rows = connection.execute(SQL["makers_of_scenes"], {"owner": owner, "scenes": uuid_array(scenes)})
    return {
        scene_id: Makers(said=said, written=written, described=described)
        for scene_id, said, described, written in rows
    }
