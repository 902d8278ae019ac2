"""Factors of the signals' weights, from which right answers should come before wrong ones.

A pairwise ranking loss over the evidence of candidates: the hinge of (right score - wrong score), rounded
where it begins and straight beyond (Huber 1964), so that no single wrong mark pulls far. Convex in the
factors, which are pulled towards 1 and kept within bounds; solved by projected gradient steps. Where all
right answers are ahead by MARGIN nothing pulls but the 1, and 1 is what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Hit
from heimdex.search.evaluation import answers
from heimdex.search.fusion import GROUPS, group_of
from heimdex.search.labels import Labelled

LEAST, MOST = 0.5, 2.0
MARGIN = 0.05  # of score
STRAIGHT = 0.2  # of score behind the margin, from which a pair pulls no harder
LOOKED_AT = 20  # wrong hits of a query, the best, and as many right ones
STEPS = 500
PULLS = (1.0, 0.3, 0.1, 0.03, 0.01)  # the most cautious first

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pairs:
    """What right answers have more of than wrong ones, by group: (pairs, GROUPS); each query weighs 1."""

    ahead: Doubles
    weights: Doubles  # (pairs,)


def pairs_of(answered: Sequence[tuple[Labelled, Sequence[Hit]]]) -> Pairs:
    """Every right hit against the best wrong ones, query by query; of hits without factors."""
    ahead: list[Doubles] = [np.zeros((0, len(GROUPS)))]
    weights: list[Doubles] = [np.zeros(0)]
    for labelled, hits in answered:
        right = np.array([any(answers(hit, m) for m in labelled.moments) for hit in hits], bool)
        found = contributions(hits)
        good, bad = found[right][:LOOKED_AT], found[~right][:LOOKED_AT]
        if len(good) and len(bad):
            ahead.append((good[:, np.newaxis] - bad[np.newaxis]).reshape(-1, len(GROUPS)))
            weights.append(np.full(len(ahead[-1]), 1.0 / len(ahead[-1])))
    return Pairs(ahead=np.concatenate(ahead), weights=np.concatenate(weights))


def contributions(hits: Sequence[Hit]) -> Doubles:
    """What each group adds to each hit's score, (hits, GROUPS)."""
    found = np.zeros((len(hits), len(GROUPS)))
    for row, hit in zip(found, hits, strict=True):
        for item in hit.evidence:
            if group_of(item) in GROUPS:
                row[GROUPS.index(group_of(item))] += item.contribution
    return found


def fit(pairs: Pairs, pull: float) -> Doubles:
    """The factors, (GROUPS,), LEAST to MOST."""
    factors = np.ones(len(GROUPS))
    if not len(pairs.weights):
        return factors
    shares = pairs.weights / pairs.weights.sum()
    weighed = pairs.ahead * shares[:, np.newaxis]
    curve = float(np.linalg.eigvalsh(weighed.T @ pairs.ahead)[-1]) + 2 * pull  # no second derivative is more
    for _ in range(STEPS):
        behind = np.clip(MARGIN - pairs.ahead @ factors, 0.0, STRAIGHT)
        slope = 2 * pull * (factors - 1.0) - weighed.T @ behind
        moved = np.clip(factors - slope / curve, LEAST, MOST)
        if np.abs(moved - factors).max() < 1e-9:
            break
        factors = moved
    return factors


def reorder(hits: Sequence[Hit], factors: Doubles) -> list[Hit]:
    """Hits in the order of their scores with factors."""
    scores = contributions(hits) @ factors
    return [hits[place] for place in np.argsort(-scores, kind="stable")]
