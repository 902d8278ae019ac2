"""Signals by meaning: what is said or described of a scene, compared with a query by text vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from heimdex.entities import Evidence, TextChannel, Values
from heimdex.search.fusion import LEAST_MEANING, MEANINGS
from heimdex.search.signals import Scope, Signal
from heimdex.store import text_vectors
from heimdex.store.text_vectors import TextScore
from heimdex.store.vectors import StoredSpace

EVIDENCE = {
    TextChannel.TRANSCRIPT: "speech",
    TextChannel.DESCRIPTION: "caption",
    TextChannel.SUMMARY: "caption",
}
"""What each channel's evidence is called: the sense that it came by."""

PROPOSED = 24  # scenes a channel proposes: by meaning alone nothing is more than perhaps an answer

IsSmall = Callable[[StoredSpace, TextChannel], bool]
"""Whether scanning all rows of a channel that pass the filters is the better way."""


@dataclass(kw_only=True)
class Meant:
    """A query in a text model's space, and the channels that have texts. For one search and one thread.

    Shared by their signals, so that all channels are asked at once.
    `is_small` may remember from one search to the next what is counted anew otherwise.
    """

    stored: StoredSpace
    channels: Sequence[TextChannel]
    vector: Values
    is_small: IsSmall | None = None
    _proposed: dict[TextChannel, list[str]] | None = None
    _scored: dict[TextChannel, dict[str, TextScore]] = field(default_factory=dict)
    _scenes: Sequence[str] | None = None

    def propose(self, scope: Scope, channel: TextChannel, limit: int) -> list[str]:
        """The scenes whose texts of a channel are nearest; all channels are asked at once."""
        if self._proposed is None:
            self._proposed = text_vectors.nearest_texts(
                scope.connection,
                scope.owner,
                self.stored,
                self.vector,
                scope.filters,
                {each: self._is_small(scope, each) for each in self.channels},
                limit=min(limit, PROPOSED),
                set_up=not scope.set_up,
            )
        return self._proposed[channel]

    def _is_small(self, scope: Scope, channel: TextChannel) -> bool:
        if self.is_small is not None:
            return self.is_small(self.stored, channel)
        return text_vectors.choose_exact(scope.connection, scope.owner, self.stored, channel, scope.filters)

    def scores(self, scope: Scope, channel: TextChannel, scenes: Sequence[str]) -> dict[str, TextScore]:
        """The texts of one channel that mean something like the query."""
        if self._scenes != scenes:
            self._scenes = scenes
            self._scored = text_vectors.score_texts(
                scope.connection,
                scope.owner,
                (self.stored, self.channels),
                self.vector,
                scenes,
                least=LEAST_MEANING,
            )
        return self._scored[channel]


class MeaningSignal(Signal):
    """One channel of scenes' texts: its cosine to the query's vector in the same space.

    Words that mean the same need not be the same words. It stands beside the signals by words, each with
    evidence of its own.
    """

    def __init__(self, meant: Meant, channel: TextChannel) -> None:
        self.meant = meant
        self.channel = channel
        self.rule = MEANINGS[channel]

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The scenes whose texts are nearest."""
        return self.meant.propose(scope, self.channel, limit)

    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """The cosine, the sentence that stands for the text, and when it is said."""
        found = self.meant.scores(scope, self.channel, scenes)
        return {scene_id: self._evidence(score) for scene_id, score in found.items()}

    def _evidence(self, score: TextScore) -> Evidence:
        strength = self.rule.strength(score.cosine)
        return Evidence(
            signal=EVIDENCE[self.channel],
            contribution=self.rule.weight * strength,
            raw=score.cosine,
            model=self.meant.stored.space.model,
            text=score.text,
            at_us=score.at_us,
            strength=strength,
            channel=self.channel,
        )
