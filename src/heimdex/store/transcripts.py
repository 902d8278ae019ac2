"""What is said in assets: one transcript each, and its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.entities import Transcript, Utterance, Word
from heimdex.store.sql import queries

SQL = queries("transcripts")

Beside: TypeAlias = tuple[tuple[str, int, int], ...]
"""The subtitle files that lie beside an asset: (name, size in bytes, modified in ns), …"""


def replace_transcript(
    connection: Connection[Any],
    owner: str,
    asset_id: str,
    transcript: Transcript,
    beside: Beside,
    listened_in: str | None = None,
) -> None:
    """Write what is said in an asset in place of what was there, whatever made it.

    `listened_in`: the language a recogniser was told, where it was told one.
    """
    common = {"owner": owner, "asset": asset_id}
    connection.execute(SQL["delete_transcript"], common)
    connection.execute(
        SQL["insert_transcript"],
        common
        | {
            "source": transcript.source,
            "model": transcript.model,
            "language": transcript.language,
            "origin": _storable(transcript.origin),
            "note": _storable(transcript.note),
            "listened_in": listened_in,
            "beside": Jsonb([[_storable(name), *facts] for name, *facts in beside]),
        },
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            SQL["insert_utterance"], (_columns(utterance) | common for utterance in transcript.utterances)
        )


def delete_transcript(connection: Connection[Any], owner: str, asset_id: str) -> None:
    """Nothing is on record any more."""
    connection.execute(SQL["delete_transcript"], {"owner": owner, "asset": asset_id})


def delete_other_runs(
    connection: Connection[Any], owner: str, asset_id: str, stage: str, model_id: int
) -> None:
    """Drop the ledger's entries of a stage of an asset under all other models: their rows were replaced."""
    connection.execute(
        SQL["delete_other_runs"], {"owner": owner, "asset": asset_id, "stage": stage, "model": model_id}
    )


def transcript_of(connection: Connection[Any], owner: str, asset_id: str) -> Transcript | None:
    """What is said in an asset, with the times of its words; None where nobody listened yet."""
    key = {"owner": owner, "asset": asset_id}
    row = connection.execute(SQL["find_transcript"], key).fetchone()
    if row is None:
        return None
    source, model, language, origin, note = row
    rows = connection.execute(SQL["utterances_of_asset"], key)
    return Transcript(
        source=source,
        model=model,
        language=language,
        origin=origin,
        note=note,
        utterances=tuple(_utterance(row) for row in rows),
    )


def utterances_of(
    connection: Connection[Any], owner: str, asset_ids: Sequence[str]
) -> dict[str, tuple[Utterance, ...]]:
    """The sentences of some assets by asset, in order; the times of single words are left out."""
    found: dict[str, list[Utterance]] = {asset_id: [] for asset_id in asset_ids}
    rows = connection.execute(SQL["utterances_of_assets"], {"owner": owner, "assets": list(asset_ids)})
    for asset_id, *columns in rows:
        found[asset_id].append(_utterance(columns))
    return {asset_id: tuple(utterances) for asset_id, utterances in found.items()}


def beside_of(connection: Connection[Any], owner: str, asset_ids: Sequence[str]) -> dict[str, Beside]:
    """The subtitle files that lay beside some assets when they were listened to; only those on record."""
    rows = connection.execute(SQL["beside_of_assets"], {"owner": owner, "assets": list(asset_ids)})
    return _beside(rows)


def all_beside(connection: Connection[Any], owner: str) -> dict[str, Beside]:
    """The same for all assets that had any."""
    return _beside(connection.execute(SQL["all_beside"], {"owner": owner}))


def all_listened_in(connection: Connection[Any], owner: str) -> dict[str, str | None]:
    """The language a recogniser was told for each asset it listened to; those with subtitles are left out."""
    return dict(connection.execute(SQL["all_listened_in"], {"owner": owner}).fetchall())


def _beside(rows: Iterable[Sequence[Any]]) -> dict[str, Beside]:
    return {
        asset_id: tuple((str(name), int(size), int(modified)) for name, size, modified in beside)
        for asset_id, beside in rows
    }


def _columns(utterance: Utterance) -> dict[str, Any]:
    return {
        "utterance": utterance.utterance_id,
        "position": utterance.position,
        "start_us": utterance.start_us,
        "end_us": utterance.end_us,
        "text": _storable(utterance.text),
        "language": utterance.language,
        "confidence": utterance.confidence,
        "words": Jsonb(
            [
                [_storable(word.text), word.start_us, word.end_us, round(word.confidence, 4)]
                for word in utterance.words
            ]
        ),
    }


def _utterance(row: Sequence[Any]) -> Utterance:
    position, start_us, end_us, text, language, confidence, words, utterance_id = row
    return Utterance(
        utterance_id=utterance_id,
        position=position,
        start_us=start_us,
        end_us=end_us,
        text=text,
        language=language,
        confidence=confidence,
        words=tuple(
            Word(text=said, start_us=begin_us, end_us=until_us, confidence=sure)
            for said, begin_us, until_us, sure in words
        ),
    )


def _storable(text: str | None) -> str | None:
    """Text as PostgreSQL takes it: it knows no NUL, and UTF-8 no lone surrogates."""
    if text is None:
        return None
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")
