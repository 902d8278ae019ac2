"""The words behind the hits of a page: texts, times and boxes, looked up for those that are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from heimdex.entities import Evidence
from heimdex.search.lexical import Lexical
from heimdex.search.signals import Scope
from heimdex.search.spoken import CaptionSignal, SpeechSignal
from heimdex.search.written import WritingSignal

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
    for name, signal in _SIGNALS.items():
        places = {
            scene_id: place
            for scene_id, items in told.items()
            for place, item in enumerate(items)
            if item.signal == name and item.model == "words"
        }
        untold = {scene_id: told[scene_id][place] for scene_id, place in places.items()}
        for scene_id, item in signal(lexical).tell(scope, untold).items():
            told[scene_id][places[scene_id]] = item
    return {scene_id: tuple(items) for scene_id, items in told.items()}
