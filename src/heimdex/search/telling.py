"""The words behind the hits of a page: texts, times and boxes, looked up for those that are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from heimdex.entities import Evidence
from heimdex.search.lexical import Lexical
from heimdex.search.signals import Scope
from heimdex.search.spoken import BY_WORDS, CaptionSignal, SpeechSignal
from heimdex.search.written import WritingSignal
from heimdex.store.lexicon import sources
from heimdex.store.lexicon.sources import Makers

_Telling: TypeAlias = SpeechSignal | WritingSignal | CaptionSignal
_SIGNALS: dict[str, Callable[[Lexical], _Telling]] = {
    "speech": SpeechSignal,
    "writing": WritingSignal,
    "caption": CaptionSignal,
}


def tell_page(
    scope: Scope, lexical: Lexical, page: Mapping[str, Sequence[Evidence]]
) -> dict[str, tuple[Evidence, ...]]:
    """The evidence of a page's scenes, by scene id, in its order, with what was said, written and described.

    `lexical` may be a new one of the same query: the list may have been made in an earlier transaction.
    """
    told: dict[str, list[Evidence]] = {scene_id: list(items) for scene_id, items in page.items()}
    by_words = [scene_id for scene_id, items in told.items() if any(map(_is_by_words, items))]
    if not by_words:
        return {scene_id: tuple(items) for scene_id, items in told.items()}
    makers = sources.makers_of(scope.connection, scope.owner, by_words)
    for name, signal in _SIGNALS.items():
        places = {
            scene_id: place
            for scene_id in by_words
            for place, item in enumerate(told[scene_id])
            if item.signal == name and _is_by_words(item)
        }
        untold = {scene_id: told[scene_id][place] for scene_id, place in places.items()}
        for scene_id, item in signal(lexical).tell(scope, untold).items():
            maker = _maker(makers.get(scene_id), name)
            told[scene_id][places[scene_id]] = replace(item, model=maker or item.model)
    return {scene_id: tuple(items) for scene_id, items in told.items()}


def _is_by_words(item: Evidence) -> bool:
    return item.signal in _SIGNALS and item.model == BY_WORDS


def _maker(makers: Makers | None, signal: str) -> str | None:
    if makers is None:
        return None
    return {"speech": makers.said, "writing": makers.written, "caption": makers.described}[signal]
