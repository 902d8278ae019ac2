"""The stage `text`: the terms of each scene's words, and what they mean as vectors.

sentences ─┐                 ┌▶ terms (store/lexicon)
writing ───┼▶ by scene ──────┼▶ transcript ───┐
captions ──┘                 ├▶ description ──┼▶ vectors, one per scene and channel
                             └▶ summary ──────┘
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from heimdex.entities import StageState, TextChannel
from heimdex.errors import ModelUnavailable
from heimdex.extractors.summaries import LONGEST, cut, extract, most_central
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import TEXT
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.scene_texts import SceneSource, sources_of
from heimdex.pipeline.summing_up import Summariser, Summary
from heimdex.pipeline.text_encoding import Embedded, TextEncoding
from heimdex.pipeline.tools import TextModel, Tools
from heimdex.pipeline.verb import Verb
from heimdex.pipeline.worker import Report
from heimdex.store import lexicon, scenes, text_vectors, vectors, wordings
from heimdex.store.lexicon.stems import Stems
from heimdex.store.text_vectors import TextRow
from heimdex.store.vectors import StoredModel

log = logging.getLogger(__name__)

SHOWN = 300  # characters of a text that a hit shows

Sentences = tuple[str, ...]


class TextVerb(Verb):
    """Writes terms and vectors of an asset's words, in place of those it had."""

    stage = TEXT

    def __init__(self, tools: Tools, sleep: Callable[[float], None] = time.sleep) -> None:
        """Enters the text model in the database. Raises NotFound for one that is in no catalog."""
        self.tools = tools
        self._stems = Stems()
        self._summariser = Summariser(tools, sleep)
        self._encoding: TextEncoding | None = None
        self._stored: StoredModel | None = None
        self._waiting: str | None = None
        self._missing: str | None = None
        try:
            model = tools.text_model
        except ModelUnavailable as error:
            self._missing = f"texts are found by their words alone: {error}"
            log.warning("%s", self._missing)
            return
        self._stored = tools.database.run(tools.owner, lambda c: register(c, model))
        self._encoding = TextEncoding(tools, model)
        self.model_id = self._stored.model_id

    def waits(self) -> str | None:
        """Why no more is done in this run: the model does not load."""
        return self._waiting

    def wants(self) -> str | None:
        """A model that does not load, or is not installed; an endpoint that does not sum up."""
        return self._waiting or self._missing or self._summariser.gave_up

    def close(self) -> None:
        """End the worker process, and let the endpoint go."""
        self._summariser.close()
        if self._encoding is not None:
            self._encoding.close()

    def work(self, item: Item, attempt: Attempt, report: Report) -> Outcome:
        """Gather the words of each scene, and make terms and vectors of them."""
        owner, asset_id = self.tools.owner, item.asset.asset_id
        wording = self.tools.database.run(
            owner, lambda c: wordings.wording_of(c, owner, asset_id), read_only=True
        )
        sources = sources_of(wording)
        try:
            rows = self._rows(asset_id, sources, report)
        except ModelUnavailable as unavailable:  # the other assets would fail alike
            self._waiting = str(unavailable)
            raise

        def write(connection: Any) -> None:
            terms = {source.scene.scene_id: source.terms() for source in sources}
            lexicon.replace_terms(connection, owner, asset_id, terms, self._stems)
            if self._stored is not None:
                space_id = self._stored.spaces[0].space_id
                text_vectors.replace_texts(connection, owner, asset_id, space_id, rows)

        errors = [str(row.metadata["error"]) for row in rows if row.values is None]
        if errors:
            error = f"{len(errors)} of {len(rows)} texts have no vector: {errors[0]}"
            return Outcome(
                attempt=attempt, state=StageState.FAILED, row_count=len(sources), error=error, write=write
            )
        state = StageState.DONE if sources else StageState.EMPTY
        return Outcome(attempt=attempt, state=state, row_count=len(sources), write=write)

    def _rows(self, asset_id: str, sources: Sequence[SceneSource], report: Report) -> list[TextRow]:
        encoding = self._encoding
        telling = [source for source in sources if source.spoken or source.caption]
        if encoding is None or not telling:
            return []
        wanted = dict.fromkeys(part for source in telling for part in _to_embed(source))
        found = dict(zip(wanted, encoding.embed(wanted, report), strict=True))
        frames = self._best_frames(asset_id) if self._summariser.on else {}
        summaries = []
        for source in telling:
            asked = self._summariser.sum_up(source, frames.get(source.scene.scene_id), report)
            summaries.append(asked or summary_of(source, found))
        late = dict.fromkeys((summary.text,) for summary in summaries if (summary.text,) not in found)
        found |= zip(late, encoding.embed(late, report), strict=True)
        return [
            row
            for source, summary in zip(telling, summaries, strict=True)
            for row in _rows_of(source, summary, found, encoding.model)
        ]

    def _best_frames(self, asset_id: str) -> dict[str, str]:
        """The SHA-256 of each scene's best frame."""
        owner = self.tools.owner
        kept = self.tools.database.run(
            owner, lambda c: scenes.keyframes_of(c, owner, [asset_id]), read_only=True
        )
        return {frame.scene_id: frame.frame.sha256 for frame in kept[asset_id] if frame.rank == 0}


def register(connection: Any, model: TextModel) -> StoredModel:
    """Enter a text model and its space in the database, or find them."""
    return vectors.register_model(connection, [model.space], model.row.precision, model.weights_sha256)


def find(connection: Any, model: TextModel) -> StoredModel | None:
    """The text model as the database knows it; None before anything was indexed with it."""
    return vectors.find_model(connection, model.row.name, model.row.precision, model.weights_sha256)


def index_large_texts(tools: Tools) -> list[TextChannel]:
    """Give every channel of the text model's space that has outgrown the exact scan its HNSW index."""
    try:
        model = tools.text_model
    except ModelUnavailable:
        return []

    def build(connection: Any) -> list[TextChannel]:
        stored = find(connection, model)
        if stored is None:
            return []
        return text_vectors.build_large_indexes(connection, tools.owner, stored.spaces[0].space_id)

    made: list[TextChannel] = tools.database.run(tools.owner, build)
    return made


def summary_of(source: SceneSource, found: dict[Sentences, Embedded]) -> Summary:
    """The gist of a scene without anybody's help: all of it where it is short, else its central sentences."""
    sentences = (*source.said, *source.described)
    whole = " ".join(sentences)
    if len(whole) <= LONGEST or len(sentences) == 1:
        return Summary(text=cut(whole), metadata={"method": "whole"})
    embedded = [found[(sentence,)].values for sentence in sentences]
    known = [values for values in embedded if values is not None]
    if len(known) < len(sentences):
        return Summary(text=cut(whole), metadata={"method": "beginning"})
    chosen = extract(sentences, np.stack(known))
    text = cut(" ".join(sentences[index] for index in chosen))
    return Summary(text=text, metadata={"method": "extract", "sentences": list(chosen)})


def _to_embed(source: SceneSource) -> Iterable[Sentences]:
    """The texts of a scene that need vectors: its channels', and each sentence where some will be chosen."""
    said, described = source.said, source.described
    if said:
        yield said
    if described:
        yield described
    if len(said) > 2 or len(" ".join((*said, *described))) > LONGEST:
        for sentence in (*said, *described):
            yield (sentence,)


def _rows_of(
    source: SceneSource, summary: Summary, found: dict[Sentences, Embedded], model: TextModel
) -> Iterable[TextRow]:
    scene_id = source.scene.scene_id
    if source.spoken:
        central = source.spoken[_central(source.said, found)]
        yield TextRow(
            scene_id=scene_id,
            channel=TextChannel.TRANSCRIPT,
            text=cut(central.text, SHOWN),
            at_us=central.start_us,
            values=found[source.said].values,
            metadata=_record(model, found[source.said], source.said),
        )
    if source.caption is not None:
        yield TextRow(
            scene_id=scene_id,
            channel=TextChannel.DESCRIPTION,
            text=cut(source.caption.text, SHOWN),
            at_us=None,
            values=found[source.described].values,
            metadata=_record(model, found[source.described], source.described),
        )
    sentences = (summary.text,)
    yield TextRow(
        scene_id=scene_id,
        channel=TextChannel.SUMMARY,
        text=summary.text,
        at_us=None,
        values=found[sentences].values,
        metadata=summary.metadata | _record(model, found[sentences], sentences),
    )


def _central(said: Sentences, found: dict[Sentences, Embedded]) -> int:
    """Which sentence stands for all: the most central, of two the longer."""
    if len(said) < 3:
        return max(range(len(said)), key=lambda index: (len(said[index]), -index))
    embedded = [found[(sentence,)].values for sentence in said]
    known = [values for values in embedded if values is not None]
    return most_central(np.stack(known)) if len(known) == len(said) else 0


def _record(model: TextModel, embedded: Embedded, sentences: Sentences) -> dict[str, Any]:
    """The record of a picture's vector, as far as it fits a text's."""
    failed = embedded.error is not None
    return {
        "model_name": model.row.name,
        "pretrained": model.row.pretrained,
        "embed_dim": model.space.dim,
        "normalized": True,
        "device": "cpu",
        "characters": sum(map(len, sentences)),
        "passages": embedded.passages,
        "inference_time_ms": None if failed else round(embedded.took_ms, 3),
        "created_at": datetime.now(UTC).isoformat(),
        "error": embedded.error,
    }
