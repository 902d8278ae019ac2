"""Marks divided by query: what is held out, and the folds of the rest. The same for the same marks.

Queries that are nearly the same (most of their words, or nearly the same vector) always stay together:
otherwise an adapter could shine on held-out queries by what it was told of their twins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Values
from heimdex.search.signals import FUNCTION_WORDS
from heimdex.store.lexicon.words import words

HELD_OUT = 0.4  # of the marks that have an answer, and of those that have none
FOLDS = 5
SAME_WORDS = 0.5  # of the words of both
SAME_VECTOR = 0.8  # of the way from what is usual between texts to the same vector
USUAL = 95.0  # percentile of the cosines to texts on everything: beyond it two have something in common
MOST_USUAL = 0.95

Floats = NDArray[np.float32]


def usual_cosine(vectors: Sequence[Values | None], background: Floats) -> float:
    """The cosine below which two texts of a space have nothing in common; 0 where nothing tells.

    From queries to texts on everything, (texts, dim): what all marks are about is no common ground.
    """
    rows = np.array([vector for vector in vectors if vector is not None], np.float32)
    if not len(rows) or not len(background):
        return 0.0
    return float(np.clip(np.percentile(rows @ background.T, USUAL), 0.0, MOST_USUAL))


def group(queries: Sequence[str], vectors: Sequence[Values | None], usual: float) -> list[int]:
    """A number for each query; those that are nearly the same, also by way of others, share one."""
    same = usual + SAME_VECTOR * (1 - usual)
    bags = [frozenset(words(query)) - FUNCTION_WORDS for query in queries]
    leader = list(range(len(queries)))

    def find(place: int) -> int:
        while leader[place] != place:
            place = leader[place]
        return place

    for one in range(len(queries)):
        for other in range(one):
            if _is_near(bags[one], bags[other]) or _cosine(vectors[one], vectors[other]) >= same:
                leader[find(one)] = find(other)
    return [find(place) for place in range(len(queries))]


def held_out(queries: Sequence[str], groups: Sequence[int], answerable: Sequence[bool]) -> list[bool]:
    """Which queries are held out: whole groups, HELD_OUT of those with and of those without an answer."""
    wanted = {kind: HELD_OUT * list(answerable).count(kind) for kind in (True, False)}
    taken = {True: 0, False: 0}
    out = [False] * len(queries)
    for members in _in_order(queries, groups):
        counts = {kind: sum(answerable[place] == kind for place in members) for kind in (True, False)}
        main = counts[True] > 0
        # A group that would take far more than is wanted stays with the rest.
        if taken[main] + counts[main] / 2 <= wanted[main]:
            for kind, count in counts.items():
                taken[kind] += count
            for place in members:
                out[place] = True
    return out


def folds(queries: Sequence[str], groups: Sequence[int], count: int = FOLDS) -> list[int]:
    """The fold, from 0, of each query: whole groups, folds of about the same size."""
    sizes = [0] * count
    fold = [0] * len(queries)
    for members in _in_order(queries, groups):
        least = sizes.index(min(sizes))
        sizes[least] += len(members)
        for place in members:
            fold[place] = least
    return fold


def _in_order(queries: Sequence[str], groups: Sequence[int]) -> list[list[int]]:
    """The groups, as places, in an order that depends on nothing but their queries' words."""
    members: dict[int, list[int]] = {}
    for place, number in enumerate(groups):
        members.setdefault(number, []).append(place)
    return sorted(members.values(), key=lambda places: _digest(queries[place] for place in places))


def _digest(queries: Iterable[str]) -> str:
    texts = sorted(" ".join(words(query)) for query in queries)
    return sha256("\n".join(texts).encode()).hexdigest()


def _is_near(one: frozenset[str], other: frozenset[str]) -> bool:
    """By the share of all their words that is in both (Jaccard)."""
    return bool(one and other) and len(one & other) >= SAME_WORDS * len(one | other)


def _cosine(one: Values | None, other: Values | None) -> float:
    return -1.0 if one is None or other is None else float(one @ other)
