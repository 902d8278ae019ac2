"""Which signals answer a query."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from heimdex.encoders.encoder import Encoder
from heimdex.entities import FrameStrategy, Query
from heimdex.search.figures import LibraryFigures
from heimdex.search.language import ParsedQuery
from heimdex.search.lexical import Lexical
from heimdex.search.request import Asked
from heimdex.search.shown import ShownSignal
from heimdex.search.signals import PathSignal, PictureSignal, Scope, Signal
from heimdex.search.spoken import CaptionSignal, SpeechSignal
from heimdex.search.written import WritingSignal
from heimdex.store import vectors
from heimdex.store.vectors import StoredModel


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeing:
    """The model that pictures were encoded with, and where its vectors are."""

    encoder: Encoder
    model: StoredModel


def picture_signals(
    scope: Scope, query: Query, asked: Asked, seeing: Seeing, figures: LibraryFigures
) -> list[Signal]:
    """What is seen: by words, by a picture, by a scene; each part of a mixture counts the same."""
    encoder, model = seeing.encoder, seeing.model
    similar = model.space(encoder.similar_space.name)
    given = sum(part is not None for part in (asked.words, asked.picture, query.similar))
    weight = 1.0 / max(1, given)
    signals: list[Signal] = []
    if encoder.text_space is not None:
        stored = model.space(encoder.text_space.name)
        draw = partial(figures.sample, scope.connection)
        if asked.words is not None:
            signals.append(ShownSignal(stored, asked.words, draw, weight))
        signals += [ShownSignal(stored, part, draw, part.weight) for part in asked.against]
    if asked.picture is not None:
        signals.append(PictureSignal(similar, [asked.picture], weight))
    scenes = [] if query.similar is None else [(query.similar, weight)]
    for scene_id, share in (*scenes, *query.likes):
        own = vectors.vectors_of_scene(scope.connection, scope.owner, similar, scene_id)
        if scope.strategy == FrameStrategy.BEST_QUALITY:
            own = own[:1]
        signals.append(PictureSignal(similar, own, share))
    return signals


def word_signals(parsed: ParsedQuery, lexical: Lexical) -> list[Signal]:
    """What is said, written and described, and what files are called."""
    signals: list[Signal] = [SpeechSignal(lexical), WritingSignal(lexical), CaptionSignal(lexical)]
    if parsed.text:
        signals.append(PathSignal(parsed.text))
    return signals
