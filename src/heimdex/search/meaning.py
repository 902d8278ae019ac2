"""Signals by meaning: what is said or described of a scene, compared with a query by text vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heimdex.entities import Evidence, TextChannel, Values
from heimdex.search.signals import Scope, Signal
from heimdex.store import text_vectors
from heimdex.store.vectors import StoredSpace

EVIDENCE = {
    TextChannel.TRANSCRIPT: "speech",
    TextChannel.DESCRIPTION: "caption",
    TextChannel.SUMMARY: "caption",
}
"""What each channel's evidence is called: the sense that it came by."""

IsSmall = Callable[[StoredSpace, TextChannel], bool]
"""Whether scanning all rows of a channel that pass the filters is the better way."""


class MeaningSignal(Signal):
    """One channel of scenes' texts: its cosine to the query's vector in the same space.

    Words that mean the same need not be the same words. It stands beside the signals by words, each with
    evidence of its own.
    """

    def __init__(
        self,
        stored: StoredSpace,
        channel: TextChannel,
        vector: Values,
        weight: float = 1.0,
        *,
        strength: Callable[[float], float] | None = None,
        is_small: IsSmall | None = None,
    ) -> None:
        """`strength` makes of a cosine how surely the scene is an answer, 0-1; without it the cosine counts.

        `is_small` may remember from one search to the next what is counted anew otherwise.
        """
        self.stored = stored
        self.channel = channel
        self.vector = vector
        self.weight = weight
        self._strength = strength
        self._is_small = is_small

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The scenes whose texts are nearest."""
        return text_vectors.nearest_texts(
            scope.connection,
            scope.owner,
            (self.stored, self.channel),
            self.vector,
            scope.filters,
            limit=limit,
            exact=None if self._is_small is None else self._is_small(self.stored, self.channel),
        )

    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """The cosine, the sentence that stands for the text, and when it is said."""
        found = text_vectors.score_texts(
            scope.connection, scope.owner, (self.stored, self.channel), self.vector, scenes
        )
        return {scene_id: self._evidence(score) for scene_id, score in found.items()}

    def _evidence(self, score: text_vectors.TextScore) -> Evidence:
        strength = None if self._strength is None else self._strength(score.cosine)
        return Evidence(
            signal=EVIDENCE[self.channel],
            contribution=self.weight * (max(0.0, score.cosine) if strength is None else strength),
            raw=score.cosine,
            model=self.stored.space.model,
            text=score.text,
            at_us=score.at_us,
            strength=strength,
        )
