"""Whether the best hit answers the query."""

from __future__ import annotations

from collections.abc import Sequence

from heimdex.encoders.encoder import UNDERSTOOD
from heimdex.entities import Hit, Verdict

PATH_COVERAGE = 0.99  # a path that holds the whole query is an answer in itself


def judge(hits: Sequence[Hit], certainty: float, *, by_words: bool, match_cosine: float = 0.0) -> Verdict:
    """`none` without hits; `weak` where the encoder did not understand the words, or nothing comes near."""
    if not hits:
        return Verdict.NONE
    if any(item.signal == "path" and item.raw >= PATH_COVERAGE for item in hits[0].evidence):
        return Verdict.MATCH
    if by_words and certainty < UNDERSTOOD:
        return Verdict.WEAK
    best = max(
        (item.raw for hit in hits[:10] for item in hit.evidence if item.signal == "picture"), default=0.0
    )
    return Verdict.MATCH if best >= match_cosine and best > 0 else Verdict.WEAK
