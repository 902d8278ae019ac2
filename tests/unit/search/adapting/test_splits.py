from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from heimdex.search.adapting.splits import FOLDS, folds, group, held_out, usual_cosine

NOUNS = "dog cat fox owl hen cow pig bee ant elk emu yak ape bat cod eel ray asp boa koi".split()
QUERIES = [f"{noun} number {place}" for place, noun in enumerate(NOUNS)]
NONE: list[NDArray[np.float32] | None] = [None] * len(QUERIES)
HAS = [place % 4 != 0 for place in range(len(QUERIES))]  # an answer


def test_queries_with_most_words_in_common_stay_together_also_by_way_of_others() -> None:
    asked = ["a red car", "the red car", "red car at night", "a blue boat", "Blue  BOAT"]
    numbers = group(asked, [None] * 5, 0.0)
    assert numbers[0] == numbers[1] == numbers[2]
    assert numbers[3] == numbers[4] != numbers[0]


def test_queries_with_nearly_the_same_vector_stay_together() -> None:
    rows = np.eye(12, dtype=np.float32)
    rows[1] = rows[0] + 0.1 * rows[1]
    rows[1] /= np.linalg.norm(rows[1])
    numbers = group([chr(97 + place) * 3 for place in range(12)], list(rows), 0.1)
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 11


def test_the_usual_cosine_is_that_to_texts_on_everything_whatever_the_marks_are_about() -> None:
    rng = np.random.default_rng(0)
    texts = rng.normal(size=(400, 64)) + 1.0  # one direction that all of them have
    texts = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    alike = list(texts[:1] + 0.001 * texts[1:20])
    assert 0.5 < usual_cosine([*alike, None], texts[20:]) < 0.75
    assert usual_cosine([None], texts) == usual_cosine(alike, texts[:0]) == 0.0


def test_two_fifths_of_both_kinds_are_held_out_in_whole_groups() -> None:
    numbers = [place // 2 for place in range(len(QUERIES))]
    out = held_out(QUERIES, numbers, HAS)
    assert all(out[place] == out[place + 1] for place in range(0, len(QUERIES), 2))
    answered = [is_out for is_out, has in zip(out, HAS, strict=True) if has]
    nothing = [is_out for is_out, has in zip(out, HAS, strict=True) if not has]
    assert 0.25 <= sum(answered) / len(answered) <= 0.55
    assert 0 < sum(nothing) < len(nothing)


def test_the_split_depends_on_the_queries_alone_and_not_on_their_order() -> None:
    def taken(order: list[int]) -> set[str]:
        queries = [QUERIES[place] for place in order]
        out = held_out(queries, group(queries, NONE, 0.0), [HAS[place] for place in order])
        return {query for query, is_out in zip(queries, out, strict=True) if is_out}

    order = list(range(len(QUERIES)))
    first = taken(order)
    random.Random(1).shuffle(order)
    assert taken(order) == first


def test_folds_are_whole_groups_of_about_the_same_size() -> None:
    numbers = [place // 2 for place in range(len(QUERIES))]
    found = folds(QUERIES, numbers)
    assert all(found[place] == found[place + 1] for place in range(0, len(QUERIES), 2))
    sizes = [found.count(fold) for fold in range(FOLDS)]
    assert max(sizes) - min(sizes) <= 2
