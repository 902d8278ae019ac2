from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex.entities import Values
from heimdex.search.adapting.adapter import Adapter
from heimdex.search.adapting.residual import Reach, Residual
from heimdex.search.request import Asked, Words

DIM = 16
REACH = Reach(far=0.3, width=0.2, strength=1.0)
AXES: NDArray[np.float32] = np.eye(DIM, dtype=np.float32)


def unit(*weights: float) -> Values:
    """A vector with these first coordinates."""
    row = np.zeros(DIM, np.float32)
    row[: len(weights)] = weights
    return np.asarray(row / np.linalg.norm(row), dtype=np.float32)


def taught(nonnegative: bool = False, reach: Reach = REACH) -> Residual:
    """The first axis is to move to the third; nothing is wanted of the second."""
    steps = np.stack([AXES[2] - AXES[0], 0 * AXES[0]])
    return Residual.fit(AXES[:2], steps, reach, nonnegative=nonnegative)


def test_a_marked_query_moves_towards_what_answers_it_and_one_marked_to_stay_stays() -> None:
    found = taught()
    assert found.apply(AXES[0]) @ AXES[2] > 0.5
    assert found.apply(AXES[1]) @ AXES[1] == pytest.approx(1.0, abs=1e-3)


def test_a_query_like_a_marked_one_moves_less_than_it() -> None:
    found = taught()
    moves = [float(found.apply(unit(1, 0, 0, off)) @ AXES[2]) for off in (0.0, 0.3, 0.6, 1.0)]
    assert moves == sorted(moves, reverse=True)
    assert moves[0] > moves[-1] > 0


def test_a_query_far_from_every_marked_one_is_the_very_same() -> None:
    far = unit(0.25, 0.25, 0, 1)
    assert taught().apply(far) is far


def test_no_query_jumps_where_the_influence_of_a_mark_begins() -> None:
    found = taught()
    asked = [unit(cosine, 0, 0, np.sqrt(1 - cosine**2)) for cosine in np.linspace(0.2, 1, 400)]
    moves = [float(np.linalg.norm(found.apply(query) - query)) for query in asked]
    assert max(abs(other - one) for one, other in pairwise(moves)) < 0.02
    assert (moves[0], moves[-1] > 0.5) == (0.0, True)


def test_vectors_stay_of_norm_one_and_probabilities_stay_above_nothing() -> None:
    rng = np.random.default_rng(0)
    anchors = np.abs(rng.normal(size=(9, DIM))).astype(np.float32)
    anchors /= np.linalg.norm(anchors, axis=1, keepdims=True)
    steps = 9 * rng.normal(size=(9, DIM)).astype(np.float32)
    found = Residual.fit(anchors, steps, Reach(far=0.0, width=0.3, strength=1.0), nonnegative=True)
    for row in anchors:
        moved = found.apply(row)
        assert float(np.linalg.norm(moved)) == pytest.approx(1.0, abs=1e-6)
        assert (moved >= 0).all()
        assert moved.dtype == np.float32
    free = Residual.fit(anchors, steps, found.reach, nonnegative=False)
    assert any((free.apply(row) < 0).any() for row in anchors), "or the line above would prove nothing"


def test_marks_that_agree_move_a_query_further_than_one_alone() -> None:
    near = np.stack([unit(1, 0, 0, 0.1), unit(1, 0, 0, -0.1), unit(1, 0, 0, 0, 0.1)])
    together = Residual.fit(near, AXES[2] - near, REACH, nonnegative=False)
    alone = Residual.fit(near[:1], (AXES[2] - near)[:1], REACH, nonnegative=False)
    assert together.apply(AXES[0]) @ AXES[2] > alone.apply(AXES[0]) @ AXES[2]


def test_an_adapter_comes_back_from_the_store_as_it_went_in() -> None:
    adapter = Adapter(version=3, factors={"picture": 1.2}, residual=taught(nonnegative=True))
    again = Adapter.of(3, adapter.content(DIM))
    query = unit(1, 0.2)
    assert again.residual is not None
    assert adapter.residual is not None
    assert (again.residual.apply(query) == adapter.residual.apply(query)).all()
    assert (again.factors, again.residual.reach) == (adapter.factors, REACH)


def test_only_the_words_that_are_asked_for_are_moved() -> None:
    against = Words(vector=AXES[0], certainty=1.0, weight=-1.0)
    asked = Asked(words=Words(vector=AXES[0], certainty=0.8), against=(against,), picture=AXES[3])
    moved = Adapter(residual=taught()).adapt(asked)
    assert moved.words is not None
    assert moved.words.plain is not None
    assert (moved.words.plain == AXES[0]).all()
    assert moved.words.vector @ AXES[2] > 0.5
    assert moved.words.certainty == 0.8, "how well words are understood is not a matter of marks"
    assert moved.against == (against,)
    far = Asked(words=Words(vector=AXES[6], certainty=1.0))
    assert Adapter(residual=taught()).adapt(far) is far
    assert Adapter(factors={"picture": 2.0}).adapt(asked) is asked
