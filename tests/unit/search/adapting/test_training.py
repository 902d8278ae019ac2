from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from heimdex.entities import Answer, Evidence, Hit, Query, Values, Verdict
from heimdex.errors import UsageError
from heimdex.search.adapting.adapter import Adapter
from heimdex.search.adapting.training import Ground, Mark, Trained, Training
from heimdex.search.labels import Labelled, Moment
from heimdex.search.request import Asked, Words
from tests.marked import DIM, marks, photo_hit, pictures, words_vector

PICTURES = pictures()
ROWS = np.concatenate(list(PICTURES.values()))
GROUND = Ground(centre=None, nonnegative=True, usual=0.05)
ENOUGH = 0.6  # cosine from which something is an answer here


def ask(text: str, adapter: Adapter | None) -> Answer:
    """A search over the pictures, in memory."""
    words = Words(vector=words_vector(text), certainty=1.0)
    asked = Asked(words=words) if adapter is None else adapter.adapt(Asked(words=words))
    assert asked.words is not None
    cosines = ROWS @ asked.words.vector
    weight = 1.0 if adapter is None else adapter.factors.get("picture", 1.0)
    hits = [_hit(path, float(cosine), weight) for path, cosine in zip(PICTURES, cosines, strict=True)]
    return Answer(
        query=Query(text=text),
        verdict=Verdict.MATCH if cosines.max() >= ENOUGH else Verdict.NONE,
        hits=tuple(sorted(hits, key=lambda hit: (-hit.score, hit.path))),
        models={},
        unavailable=(),
        took_ms=1.0,
    )


def _hit(path: str, cosine: float, weight: float) -> Hit:
    item = Evidence(signal="picture", contribution=weight * cosine, raw=cosine, model="m", strength=cosine)
    return photo_hit(path, [item])


def marked(labels: list[Labelled]) -> list[Mark]:
    return [
        Mark(labelled=one, vector=words_vector(one.query), frames=tuple(map(_frame, one.moments)))
        for one in labels
    ]


def _frame(moment: Moment) -> Values:
    frame: Values = PICTURES["/" + moment.path][0]
    return frame


def train(labels: list[Labelled], ground: Ground = GROUND) -> Trained:
    return Training(marked(labels), ground, ask).run()


def test_a_preference_is_learned_holds_for_queries_never_seen_and_leaves_others_alone() -> None:
    trained = train(marks())
    assert trained.reason is None
    residual = trained.adapter.residual
    assert residual is not None
    assert trained.figures["gain"]["low"] > 0
    assert trained.figures["after"]["recall"]["mean"] == trained.figures["before"]["recall"]["mean"] == 1.0
    stranger = np.eye(DIM, dtype=np.float32)[-1]
    assert residual.apply(stranger) is stranger


def test_the_same_marks_in_another_order_teach_the_same() -> None:
    shuffled = marks()
    random.Random(3).shuffle(shuffled)
    one, other = train(marks()).adapter.residual, train(shuffled).adapter.residual
    assert one is not None
    assert other is not None
    assert one.reach == other.reach
    query = words_vector("our dog")
    assert one.apply(query) == pytest.approx(other.apply(query), abs=1e-3)


def test_where_all_is_right_already_nothing_is_learned_and_the_untouched_search_stays() -> None:
    trained = train(marks(own=False))
    assert trained.adapter.is_identity
    assert trained.reason is not None
    assert "taught nothing" in trained.reason
    assert trained.figures["before"] == trained.figures["after"]


@pytest.mark.parametrize("seed", range(4))
def test_marks_that_are_noise_are_refused(seed: int) -> None:
    labels = marks()
    moments = [one.moments for one in labels if one.moments]
    random.Random(seed).shuffle(moments)
    left = iter(moments)
    noise = [replace(one, moments=next(left)) if one.moments else one for one in labels]
    assert train(noise).reason is not None


def test_without_queries_that_nothing_answers_no_query_is_moved() -> None:
    trained = train([one for one in marks() if one.moments])
    assert trained.adapter.residual is None


def test_of_a_model_without_words_only_weights_are_learned() -> None:
    blind = [replace(mark, vector=None, frames=()) for mark in marked(marks())]
    asked: list[Adapter | None] = []

    def count(text: str, adapter: Adapter | None) -> Answer:
        asked.append(adapter)
        return ask(text, adapter)

    trained = Training(blind, GROUND, count).run()
    assert trained.adapter.residual is None
    assert len(asked) == len(blind), "each once"


def test_what_all_pictures_have_in_common_is_not_learned() -> None:
    collar = np.zeros(DIM, np.float32)
    collar[1] = 1.0
    shared = train(marks(), Ground(centre=collar, nonnegative=True, usual=0.05)).adapter.residual
    free = train(marks()).adapter.residual
    assert free is not None
    assert free.coefficients[:, 1].max() > 0.1
    assert shared is None or np.abs(shared.coefficients[:, 1]).max() < 1e-3


@pytest.mark.parametrize("count", [0, 19])
def test_too_few_marks_are_told_with_what_to_do(count: int) -> None:
    few = [one for one in marks() if one.moments][:count]
    with pytest.raises(UsageError, match=rf"{count} marked queries have an answer.*20 are needed.*Mark more"):
        train([*few, *(one for one in marks() if not one.moments)])


def test_marks_that_are_all_nearly_the_same_query_are_too_few() -> None:
    one = marks()[0]
    alike = [replace(one, query=f"{one.query} {'our ' * number}".strip()) for number in range(30)]
    with pytest.raises(UsageError, match="nearly the same"):
        train(alike)
