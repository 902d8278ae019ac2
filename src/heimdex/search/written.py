"""What is written in the picture, as a signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from heimdex.entities import Evidence
from heimdex.search.lexical import Lexical
from heimdex.search.signals import Scope, Signal
from heimdex.search.spoken import BY_WORDS, NEARLY, WEIGHT
from heimdex.search.strings import LineFound
from heimdex.store.lexicon import sources
from heimdex.store.lexicon.confusables import readable
from heimdex.store.lexicon.texts import Channel
from heimdex.store.lexicon.words import words


class WritingSignal(Signal):
    """What is written in a scene: whole strings, parts of them, and what a reader takes for them."""

    def __init__(self, lexical: Lexical, weight: float = WEIGHT) -> None:
        self.lexical = lexical
        self.weight = weight

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The scenes in which most of the query is written."""
        return self.lexical.propose(scope, Channel.WRITTEN, limit)

    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """How much of the query is written; `tell` adds the lines."""
        scores = self.lexical.score(scope, Channel.WRITTEN, scenes)
        return {
            scene_id: Evidence(
                signal="writing",
                contribution=self.weight * score.raw,
                raw=score.raw,
                model=BY_WORDS,
                approximate=score.approximate,
            )
            for scene_id, score in scores.items()
        }

    def tell(self, scope: Scope, evidence: Mapping[str, Evidence]) -> dict[str, Evidence]:
        """The evidence with the line as it was read, where it stands and when."""
        untold = [scene_id for scene_id, item in evidence.items() if item.text is None]
        if not untold:
            return dict(evidence)
        scores = self.lexical.score(scope, Channel.WRITTEN, untold)
        lines = sources.lines_of(scope.connection, scope.owner, list(scores))
        told: dict[str, Evidence] = {}
        for scene_id, score in scores.items():
            assert isinstance(score.spot, LineFound)
            line = self.lexical.words_of(scene_id).written.split("\n")[score.spot.line]
            read = next(
                (one for one in lines.get(scene_id, []) if " ".join(words(readable(one[0]))) == line), None
            )
            text, at_us, box = read or (line, None, None)
            told[scene_id] = replace(
                evidence[scene_id], text=NEARLY + text if score.approximate else text, at_us=at_us, box=box
            )
        return dict(evidence) | told
