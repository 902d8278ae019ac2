"""Terms and the scenes that hold them: written by asset, looked up by term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Filters
from heimdex.store.lexicon.stems import SQL, Stems
from heimdex.store.lexicon.terms import terms_of, vocabulary, words_of
from heimdex.store.lexicon.texts import Channel, SceneTexts, SceneWords
from heimdex.store.nearest import filter_parameters, with_filters
from heimdex.store.sql import literal_int, uuid_array

BEGINNINGS = 1_000  # rows looked at for a string of two characters
HIGHEST = "\U0010ffff"  # sorts after every character of a term


@dataclass(frozen=True, kw_only=True, slots=True)
class LookUp:
    """What is looked up at once: scenes that hold some of these terms, the heaviest first."""

    channel: Channel
    terms: tuple[tuple[str, float, int], ...]  # (term, weight, how many assets are looked at)


def replace_terms(
    connection: Connection[Any],
    owner: str,
    asset_id: str,
    texts: Mapping[str, SceneTexts],
    stems: Stems | None = None,
) -> int:
    """Write the terms of an asset's scenes, by scene id, in place of those it had. Returns how many.

    Scenes without any text are left out. `stems` may be kept from call to call, to ask for fewer of them.
    """
    key = {"owner": owner, "asset": asset_id}
    connection.execute(SQL["delete_postings"], key)
    connection.execute(SQL["delete_words"], key)
    stemmed = (stems or Stems()).of(connection, vocabulary(texts.values()))
    worded = {scene_id: words_of(scene, stemmed) for scene_id, scene in texts.items()}
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL["insert_words"],
            (
                key | {"scene": scene_id} | asdict(found)
                for scene_id, found in worded.items()
                if found != SceneWords()
            ),
        )
    scenes = list(texts)
    written = 0
    for channel in Channel:
        pairs = [
            (term, number)
            for number, scene_id in enumerate(scenes, start=1)
            for term in terms_of(texts[scene_id], stemmed).get(channel, ())
        ]
        if pairs:
            terms, numbers = zip(*pairs, strict=True)
            columns = {"terms": list(terms), "numbers": list(numbers), "scenes": uuid_array(scenes)}
            cursor = connection.execute(SQL["insert_postings"], key | {"channel": int(channel)} | columns)
            written += cursor.rowcount
    _note_languages(connection, owner, texts)
    return written


def languages(connection: Connection[Any], owner: str) -> tuple[str, ...]:
    """The languages of the owner's sentences, ISO 639-1."""
    return tuple(row[0] for row in connection.execute(SQL["languages"], {"owner": owner}))


def count_terms(
    connection: Connection[Any], owner: str, terms: Sequence[tuple[Channel, str]], *, limit: int
) -> dict[tuple[Channel, str], int]:
    """In how many scenes each term stands, counted over no more assets than the limit."""
    parameters = {
        "owner": owner,
        "channels": [int(channel) for channel, _ in terms],
        "terms": [term for _, term in terms],
    }
    rows = connection.execute(literal_int(SQL["count_terms"], limit=limit), parameters)
    return {terms[place - 1]: int(count) for place, count in rows}


def count_worded(connection: Connection[Any], owner: str, *, limit: int) -> int:
    """How many scenes have any words, counted up to the limit."""
    row = connection.execute(literal_int(SQL["count_worded"], limit=limit), {"owner": owner}).fetchone()
    assert row is not None
    return int(row[0])


def find_scenes(
    connection: Connection[Any], owner: str, asked: Sequence[LookUp], filters: Filters, *, limit: int
) -> list[list[str]]:
    """For each look-up the ids of up to `limit` scenes, those that hold most of its terms by weight first.

    Without filters, scenes of assets that are missing now are among them.
    """
    found: list[list[str]] = [[] for _ in asked]
    rows = [
        (place, one, term, weight, depth)
        for place, one in enumerate(asked)
        for term, weight, depth in one.terms
    ]
    if not rows:
        return found
    is_filtered = filters != Filters()
    statement = SQL["find_scenes"].replace("/* with asset */", SQL["with_asset"] if is_filtered else "")
    parameters = filter_parameters(filters) | {
        "owner": owner,
        "last": len(asked) - 1,
        "look_ups": [place for place, *_ in rows],
        "channels": [int(one.channel) for _, one, *_ in rows],
        "terms": [term for _, _, term, _, _ in rows],
        "weights": [weight for _, _, _, weight, _ in rows],
        "depths": [depth for *_, depth in rows],
    }
    query = literal_int(with_filters(statement, filters, scene="s"), limit=limit)
    for place, scene_id in connection.execute(query, parameters).fetchall():
        found[place].append(scene_id)
    return found


def find_by_beginning(
    connection: Connection[Any], owner: str, channel: Channel, beginning: str, filters: Filters, *, limit: int
) -> list[str]:
    """Ids of up to `limit` scenes with a term that begins with a string, in no order."""
    statement = with_filters(SQL["find_by_beginning"], filters, scene="s")
    query = literal_int(statement, limit=limit, depth=BEGINNINGS)
    bounds = {"channel": int(channel), "first": beginning, "after": beginning + HIGHEST}
    rows = connection.execute(query, filter_parameters(filters) | bounds | {"owner": owner})
    return [row[0] for row in rows]


def words_of_scenes(
    connection: Connection[Any], owner: str, scenes: Sequence[str], *, present: bool = False
) -> dict[str, SceneWords]:
    """The words of some scenes as they are compared; those without any are left out.

    So are those whose file is missing. `present`: none is, as the caller knows.
    """
    parameters = {"owner": owner, "scenes": uuid_array(scenes)}
    there = "" if present else SQL["words_present"].strip()
    query = SQL["words_of_scenes"].replace("/* present */", there)
    rows = connection.execute(query, parameters).fetchall()
    return {
        scene_id: SceneWords(
            said=said,
            said_stems=said_stems,
            written=written,
            described=described,
            described_stems=described_stems,
        )
        for scene_id, said, said_stems, written, described, described_stems in rows
    }


def _note_languages(connection: Connection[Any], owner: str, texts: Mapping[str, SceneTexts]) -> None:
    met = {
        passage.language
        for scene in texts.values()
        for passage in (*scene.spoken, *scene.captions)
        if passage.language
    }
    if met:
        connection.execute(SQL["insert_languages"], {"owner": owner, "languages": sorted(met)})
