"""Whether the best hit answers the query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from heimdex.encoders.encoder import UNDERSTOOD
from heimdex.entities import Evidence, Strictness, Verdict

MATCH_STRENGTH = 0.75  # from three to one on, one signal makes a scene an answer
WEAK_STRENGTH = 0.5  # below even odds nobody would call it one
WHOLE = 0.99  # share of the words from which they count as all found
LOOKED_AT = 10  # hits


class Answering(Protocol):
    """What is judged: anything with evidence."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Why it answers."""


Item = TypeVar("Item", bound=Answering)


def judge(
    hits: Sequence[Answering], certainty: float, *, by_likeness: bool, strictness: Strictness
) -> Verdict:
    """The verdict on a whole list: that of the best of its first hits.

    `certainty` is the encoder's of the words, 1 where there were none. Where a picture or a scene was given
    (`by_likeness`), what is nearest answers: there always is something most like it.
    """
    if not hits:
        return Verdict.NONE
    if by_likeness:
        found = Verdict.MATCH if certainty >= UNDERSTOOD else Verdict.WEAK
    else:
        found = _best([grade(hit) for hit in hits[:LOOKED_AT]])
    if found == Verdict.NONE and strictness == Strictness.LOOSE:
        return Verdict.WEAK
    if found == Verdict.WEAK and strictness == Strictness.STRICT:
        return Verdict.NONE
    return found


def grade(hit: Answering) -> Verdict:
    """How surely one scene answers. What no signal could weigh is `weak`: perhaps."""
    strongest = 0.0
    is_unknown = False
    for item in hit.evidence:  # hundreds of times in a search
        if item.contribution <= 0:
            continue
        if item.strength is None:
            is_unknown = True
        elif item.strength > strongest:
            strongest = item.strength
    if strongest >= MATCH_STRENGTH:
        return Verdict.MATCH
    return Verdict.WEAK if strongest >= WEAK_STRENGTH or is_unknown else Verdict.NONE


def held_to(hits: Sequence[Item], strictness: Strictness, *, by_likeness: bool) -> Sequence[Item]:
    """The hits that may be shown: when strict, those alone that answer surely."""
    if strictness != Strictness.STRICT or by_likeness:
        return hits
    return [hit for hit in hits if grade(hit) == Verdict.MATCH]


def _best(grades: Sequence[Verdict]) -> Verdict:
    for verdict in (Verdict.MATCH, Verdict.WEAK):
        if verdict in grades:
            return verdict
    return Verdict.NONE
