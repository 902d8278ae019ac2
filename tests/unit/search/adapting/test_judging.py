from __future__ import annotations

import pytest

from heimdex.entities import Answer, Hit, Kind, Query, Verdict
from heimdex.search.adapting.judging import choose, judge, lower_bound
from heimdex.search.labels import Labelled, Moment

COUNT = 12


def answer(place: int, verdict: Verdict = Verdict.MATCH) -> Answer:
    """Ten hits; the right one at a place from 0, 10 for not at all."""
    hits = tuple(
        Hit(
            scene_id=str(number),
            asset_id="a",
            path="right" if number == place else "wrong",
            kind=Kind.PHOTO,
            start_us=0,
            end_us=0,
            score=1.0,
            thumbnail=None,
            evidence=(),
        )
        for number in range(10)
    )
    return Answer(query=Query(text="?"), verdict=verdict, hits=hits, models={}, unavailable=(), took_ms=1.0)


LABELS = [
    *(Labelled(query=f"there {number}", moments=(Moment(path="right"),)) for number in range(COUNT)),
    *(Labelled(query=f"absent {number}", moments=()) for number in range(4)),
]


def answers(places: list[int], absent: list[Verdict] | None = None, lost: int = 0) -> dict[str, Answer]:
    found = {
        f"there {number}": answer(place, Verdict.NONE if number < lost else Verdict.MATCH)
        for number, place in enumerate(places)
    }
    verdicts = absent or [Verdict.NONE, Verdict.NONE, Verdict.WEAK, Verdict.MATCH]
    return found | {f"absent {number}": answer(10, verdict) for number, verdict in enumerate(verdicts)}


def test_what_is_better_on_many_queries_may_be_used() -> None:
    found = judge(LABELS, answers([3] * COUNT), answers([0] * 6 + [3] * 6))
    assert found.reason is None
    assert found.figures["gain"]["mean"] == pytest.approx(0.5 * (1 - 1 / 2.32193), abs=1e-3)
    assert 0 < found.figures["gain"]["low"] < found.figures["gain"]["mean"]
    assert found.figures["before"]["nDCG@10"]["mean"] < found.figures["after"]["nDCG@10"]["mean"]
    assert (found.figures["queries"], found.figures["answerable"]) == (COUNT + 4, COUNT)


@pytest.mark.parametrize(
    "after",
    [
        [3] * COUNT,  # nothing
        [0] + [3] * (COUNT - 1),  # one query alone
        [0] * 3 + [9] * 3 + [3] * 6,  # as much lost as gained
    ],
)
def test_what_may_be_better_by_chance_is_refused(after: list[int]) -> None:
    reason = judge(LABELS, answers([3] * COUNT), answers(after)).reason
    assert reason is not None
    assert "not better on the 12 held-out queries" in reason


@pytest.mark.parametrize(
    "changed",
    [
        {"absent": [Verdict.NONE, Verdict.WEAK, Verdict.WEAK, Verdict.MATCH]},
        {"absent": [Verdict.NONE, Verdict.NONE, Verdict.MATCH, Verdict.MATCH]},
        {"lost": 1},
    ],
)
def test_what_orders_better_but_loses_silence_is_refused(changed: dict[str, object]) -> None:
    after = answers([0] * COUNT, **changed)  # type: ignore[arg-type]
    reason = judge(LABELS, answers([3] * COUNT), after).reason
    assert reason is not None
    assert "`none`" in reason


def test_a_lower_bound_is_below_the_mean_and_the_same_each_time() -> None:
    values = [0.0, 0.2, 0.4] * 10
    assert 0.1 < lower_bound(values) < 0.2
    assert lower_bound(values) == lower_bound(values)
    assert lower_bound([0.0] * 9) == 0.0


def test_of_ways_that_could_be_equally_good_the_most_cautious_is_taken() -> None:
    nothing, noise, much = [0.5] * 10, [0.5] * 8 + [0.9, 0.4], [0.9] * 10
    assert choose([nothing, noise]) == 0
    assert choose([nothing, noise, much]) == 2
    assert choose([nothing, much, [0.9] * 9 + [1.0]]) == 1
    assert choose([nothing]) == 0
