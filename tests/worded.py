"""Words for the scenes of a library made of rows alone, entered as the stages enter them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heimdex.entities import Filters, TextLine, Transcript, Utterance, Word
from heimdex.search.signals import Scope
from heimdex.store import descriptions, text_lines, transcripts
from heimdex.store.database import Database
from heimdex.store.descriptions import DescriptionRow
from heimdex.store.lexicon import Passage, SceneTexts, replace_terms
from tests.library import DIM, MadeAsset, add_asset, make_model, unit

SECOND = 1_000_000
BOX = (0.1, 0.2, 0.3, 0.05)


@dataclass(frozen=True, kw_only=True)
class Worded:
    """What is said, written and described in a scene of one second."""

    said: Sequence[str] = ()
    written: Sequence[str] = ()
    described: str | None = None
    language: str | None = "en"


def add_worded(
    database: Database, owner: str, path: str, scenes: Sequence[Worded], **facts: Any
) -> MadeAsset:
    """An asset with a scene of one second for each, and all that follows from its words."""
    model = make_model(database, owner)
    rng = np.random.default_rng(len(path))
    vectors = [unit(rng.standard_normal((1, DIM))) for _ in scenes]
    asset = add_asset(database, owner, model, path, vectors, **facts)
    by_scene = dict(zip(asset.scene_ids, scenes, strict=True))
    database.run(owner, lambda c: write_words(c, owner, asset, by_scene))
    return asset


def write_words(connection: Any, owner: str, asset: MadeAsset, by_scene: Mapping[str, Worded]) -> None:
    """Sentences, lines, descriptions and terms of an asset."""
    utterances = [
        _utterance(sentence, number, start_us)
        for number, (sentence, start_us) in enumerate(
            (sentence, place * SECOND + at * 1000)
            for place, scene in enumerate(by_scene.values())
            for at, sentence in enumerate(scene.said)
        )
    ]
    languages = [scene.language for scene in by_scene.values()]
    transcript = Transcript(
        source="speech", model="test", language=languages[0], utterances=tuple(utterances)
    )
    transcripts.replace_transcript(connection, owner, asset.asset_id, transcript, ())
    lines = [
        TextLine(
            scene_id=scene_id,
            at_us=place * SECOND + 500_000,
            start_us=place * SECOND,
            end_us=(place + 1) * SECOND,
            text=text,
            box=BOX,
            confidence=0.9,
            script="Latn",
        )
        for place, (scene_id, scene) in enumerate(by_scene.items())
        for text in scene.written
    ]
    text_lines.replace_lines(connection, owner, asset.asset_id, lines)
    rows = [
        DescriptionRow(scene_id=scene_id, text=scene.described, language="en", model="test", metadata={})
        for scene_id, scene in by_scene.items()
        if scene.described is not None
    ]
    descriptions.write_descriptions(connection, owner, asset.asset_id, rows)
    replace_terms(connection, owner, asset.asset_id, {s: texts_of(w) for s, w in by_scene.items()})


def texts_of(scene: Worded) -> SceneTexts:
    """A scene's words as the stage `text` gives them to the index."""
    return SceneTexts(
        spoken=tuple(Passage(text=text, language=scene.language) for text in scene.said),
        written=tuple(scene.written),
        captions=() if scene.described is None else (Passage(text=scene.described, language="en"),),
    )


def scope_of(connection: Any, owner: str, filters: Filters | None = None) -> Scope:
    """Where a lexical signal looks."""
    return Scope(
        connection=connection,
        owner=owner,
        filters=filters or Filters(),
        is_small=lambda _: True,
        count_assets=lambda: 0,
        count_words=lambda _: {},
    )


def _utterance(text: str, position: int, start_us: int) -> Utterance:
    """A sentence whose words follow each other by a millisecond."""
    words = tuple(
        Word(text=word, start_us=start_us + at * 1000, end_us=start_us + at * 1000 + 1000)
        for at, word in enumerate(text.split())
    )
    end_us = start_us + max(1, len(words)) * 1000
    return Utterance(
        position=position, start_us=start_us, end_us=end_us, text=text, language="en", words=words
    )
