"""What is said, and what is described, as signals: exact words at the time they fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from heimdex.entities import Evidence, Utterance
from heimdex.search.lexical import Lexical
from heimdex.search.parts import ChannelScore
from heimdex.search.signals import Scope, Signal
from heimdex.search.wording import sentence_of
from heimdex.store.lexicon import sources
from heimdex.store.lexicon.texts import Channel
from heimdex.store.lexicon.words import words

WEIGHT = 1.0  # what a scene that holds the whole query to the letter gains
BY_WORDS = "words"  # the model of evidence until it is told who wrote the words down
NEARLY = "nearly: "  # before a text that does not hold a phrase to the letter


class SpeechSignal(Signal):
    """What is said in a scene."""

    def __init__(self, lexical: Lexical, weight: float = WEIGHT) -> None:
        self.lexical = lexical
        self.weight = weight

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The scenes in which most of the query is said."""
        return self.lexical.propose(scope, Channel.SAID, limit)

    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """How much of the query is said; `tell` adds the sentences."""
        scores = self.lexical.score(scope, Channel.SAID, scenes)
        return {
            scene_id: Evidence(
                signal="speech",
                contribution=self.weight * score.raw,
                raw=score.raw,
                model=BY_WORDS,
                approximate=score.approximate,
            )
            for scene_id, score in scores.items()
        }

    def tell(self, scope: Scope, evidence: Mapping[str, Evidence]) -> dict[str, Evidence]:
        """The evidence with the sentence as it was said, and when the first of the words falls."""
        untold = [scene_id for scene_id, item in evidence.items() if item.text is None]
        if not untold:
            return dict(evidence)
        scores = self.lexical.score(scope, Channel.SAID, untold)
        said = sources.sentences_of(scope.connection, scope.owner, list(scores))
        told = {
            scene_id: self._told_of(evidence[scene_id], score, scene_id, said.get(scene_id, []))
            for scene_id, score in scores.items()
        }
        return dict(evidence) | told

    def _told_of(
        self, item: Evidence, score: ChannelScore, scene_id: str, said: Sequence[Utterance]
    ) -> Evidence:
        folded = self.lexical.words_of(scene_id).said
        number, place = sentence_of(folded, _first_place(score))
        line = folded.split("\n")[number]
        utterance = _same(line, number, said)
        text = line if utterance is None else utterance.text
        return replace(
            item,
            text=NEARLY + text if item.approximate else text,
            at_us=None if utterance is None else word_time(utterance, place),
        )


class CaptionSignal(Signal):
    """What is described of a scene."""

    def __init__(self, lexical: Lexical, weight: float = WEIGHT) -> None:
        self.lexical = lexical
        self.weight = weight

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The scenes of which most of the query is described."""
        return self.lexical.propose(scope, Channel.DESCRIBED, limit)

    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """How much of the query is described; `tell` adds the description."""
        scores = self.lexical.score(scope, Channel.DESCRIBED, scenes)
        return {
            scene_id: Evidence(
                signal="caption", contribution=self.weight * score.raw, raw=score.raw, model=BY_WORDS
            )
            for scene_id, score in scores.items()
        }

    def tell(self, scope: Scope, evidence: Mapping[str, Evidence]) -> dict[str, Evidence]:
        """The evidence with the description as written, or the sentence of another text as compared."""
        untold = [scene_id for scene_id, item in evidence.items() if item.text is None]
        if not untold:
            return dict(evidence)
        scores = self.lexical.score(scope, Channel.DESCRIBED, untold)
        texts = sources.descriptions_of(scope.connection, scope.owner, list(scores))
        told: dict[str, Evidence] = {}
        for scene_id, score in scores.items():
            folded = self.lexical.words_of(scene_id).described
            line = folded.split("\n")[sentence_of(folded, _first_place(score))[0]]
            text = texts.get(scene_id, "")
            told[scene_id] = replace(evidence[scene_id], text=text if line in " ".join(words(text)) else line)
        return dict(evidence) | told


def word_time(utterance: Utterance, place: int) -> int:
    """When the word at a place of a sentence begins; where words have no times, the sentence itself."""
    counted = 0
    for word in utterance.words:
        counted += len(words(word.text))
        if place < counted:
            return word.start_us
    return utterance.start_us


def _first_place(score: ChannelScore) -> int:
    places = getattr(score.spot, "places", ())
    return places[0] if places else 0


def _same(line: str, number: int, said: Sequence[Utterance]) -> Utterance | None:
    """The sentence whose folded words these are: the one at its number, else whichever."""
    ordered = [*said[number : number + 1], *said[:number], *said[number + 1 :]]
    return next((utterance for utterance in ordered if " ".join(words(utterance.text)) == line), None)
