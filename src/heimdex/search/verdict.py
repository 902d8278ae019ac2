"""Whether the best hit answers the query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from heimdex.encoders.encoder import UNDERSTOOD
from heimdex.entities import Evidence, Verdict

PATH_COVERAGE = 0.99  # a path that holds the whole query is an answer in itself


class Answering(Protocol):
    """What is judged: anything with evidence."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Why it answers."""


def judge(hits: Sequence[Answering], certainty: float, match_cosine: float) -> Verdict:
    """`none` without hits; `weak` where the encoder did not understand the words, or nothing comes near.

    `certainty` is the encoder's of the words, 1 where there were none; `match_cosine` the model's own line.
    """
    if not hits:
        return Verdict.NONE
    if any(item.signal == "path" and item.raw >= PATH_COVERAGE for item in hits[0].evidence):
        return Verdict.MATCH
    if certainty < UNDERSTOOD:
        return Verdict.WEAK
    best = max(
        (item.raw for hit in hits[:10] for item in hit.evidence if item.signal == "picture"), default=0.0
    )
    return Verdict.MATCH if best >= match_cosine and best > 0 else Verdict.WEAK
