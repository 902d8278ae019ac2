"""How alike two models answer: the top of the same queries, held against each other.

`overlap` is the share of the top ten that both lists hold. `rank_correlation` is Kendall's tau (1938) of the
order of those that both hold: 1 the same order, -1 the reverse; None where they share fewer than two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from heimdex.entities import Hit, Query
from heimdex.errors import UsageError
from heimdex.search.searcher import Searcher

TOP = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryOverlap:
    """One query."""

    query: str
    overlap: float  # 0-1
    rank_correlation: float | None  # -1 to 1
    verdict_before: str
    verdict_after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """All of them, the least alike first, and their means; None of none."""

    queries: tuple[QueryOverlap, ...]
    overlap: float | None
    rank_correlation: float | None
    newly_unanswered: int  # queries that the model in use answers and the new one does not


def compare(old: Searcher, new: Searcher, queries: Sequence[str]) -> Overlap:
    """Ask both the same. A query that cannot be asked (any more) is left out."""
    found = []
    for text in queries:
        query = Query(text=text, limit=TOP)
        try:
            before, after = old.search(query), new.search(query)
        except UsageError:
            continue
        found.append(
            QueryOverlap(
                query=text,
                overlap=round(overlap(before.hits, after.hits), 4),
                rank_correlation=rank_correlation(before.hits, after.hits),
                verdict_before=str(before.verdict),
                verdict_after=str(after.verdict),
            )
        )
    correlations = [one.rank_correlation for one in found if one.rank_correlation is not None]
    return Overlap(
        queries=tuple(sorted(found, key=lambda one: one.overlap)),
        overlap=round(fmean(one.overlap for one in found), 4) if found else None,
        rank_correlation=round(fmean(correlations), 4) if correlations else None,
        newly_unanswered=sum(one.verdict_before != "none" and one.verdict_after == "none" for one in found),
    )


def overlap(before: Sequence[Hit], after: Sequence[Hit]) -> float:
    """The share of the longer list that both hold; 1 where both are empty."""
    longest = max(len(before), len(after))
    return len(_shared(before, after)) / longest if longest else 1.0


def rank_correlation(before: Sequence[Hit], after: Sequence[Hit]) -> float | None:
    """Kendall's tau over what both hold."""
    pairs = list(combinations(_shared(before, after), 2))
    if not pairs:
        return None
    agreeing = sum((one[0] - other[0]) * (one[1] - other[1]) > 0 for one, other in pairs)
    return round(2 * agreeing / len(pairs) - 1, 4)


def _shared(before: Sequence[Hit], after: Sequence[Hit]) -> list[tuple[int, int]]:
    """Places (in one, in the other) of hits that are the same: they share a scene. Each counts once."""
    left = list(enumerate(after))
    found = []
    for place, hit in enumerate(before):
        for number, (other_place, other) in enumerate(left):
            if set(hit.scene_ids or (hit.scene_id,)) & set(other.scene_ids or (other.scene_id,)):
                found.append((place, other_place))
                del left[number]
                break
    return found
