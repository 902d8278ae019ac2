"""The signal of words and pictures: what is shown, as far as it stands out from chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heimdex.encoders.encoder import UNDERSTOOD
from heimdex.entities import Evidence
from heimdex.search.calibration import QueryNull
from heimdex.search.fusion import ALMOST
from heimdex.search.request import Words
from heimdex.search.signals import PictureSignal, Scope
from heimdex.store.calibrations import Sample
from heimdex.store.nearest import FrameScore
from heimdex.store.vectors import StoredSpace


class ShownSignal(PictureSignal):
    """How surely pictures show what words ask for. `raw` is the cosine.

    Where nothing was calibrated yet it is the cosine that counts, and its strength stays unknown.
    """

    def __init__(
        self,
        stored: StoredSpace,
        words: Words,
        find_sample: Callable[[StoredSpace], Sample],
        weight: float = 1.0,
    ) -> None:
        """`weight` is that of the signal; the words' own is what they had in the query."""
        super().__init__(stored, [words.vector], weight)
        self.words = words
        self._find_sample = find_sample

    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """The odds that each scene's nearest frame shows it, as a share of 1."""
        sample = self._find_sample(self.stored)
        null = QueryNull.of(self.words.vector, sample, self.stored.space, self.words.plain)
        if null is None:
            return super().score(scope, scenes)
        found = self.frames(scope, scenes, calibrated=True)
        if not found:
            return {}
        strengths = null.strengths(
            [frame.cosine for frame in found.values()], [frame.calibration for frame in found.values()]
        )
        return {
            scene_id: self._weighed(frame, strength)
            for (scene_id, frame), strength in zip(found.items(), strengths, strict=True)
        }

    def _weighed(self, frame: FrameScore, strength: float) -> Evidence:
        """Of words that were not understood no picture is a sure answer."""
        known = strength if self.words.certainty >= UNDERSTOOD else min(strength, ALMOST)
        return self._evidence(frame).weighed(known, self.weight * known)
