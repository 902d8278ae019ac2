from __future__ import annotations

import pytest

from heimdex.entities import Evidence, Strictness, Verdict
from heimdex.search.fusion import Scored, fuse
from heimdex.search.verdict import MATCH_STRENGTH, WEAK_STRENGTH, grade, held_to, judge


def hit(signal: str, raw: float, strength: float | None = None) -> Scored:
    found = Evidence(signal=signal, contribution=max(0.0, raw), raw=raw, model="m", strength=strength)
    return fuse({"scene": [found]})[0]


@pytest.mark.parametrize(
    ("hits", "verdict"),
    [
        ([], Verdict.NONE),
        ([hit("picture", 0.2, MATCH_STRENGTH)], Verdict.MATCH),
        ([hit("picture", 0.9, MATCH_STRENGTH - 0.01)], Verdict.WEAK),
        ([hit("picture", 0.9, WEAK_STRENGTH - 0.01)], Verdict.NONE),
        ([hit("picture", 0.9)], Verdict.WEAK),  # never calibrated: nobody knows
        ([hit("path", 1.0)], Verdict.MATCH),
        ([hit("speech", 1.0)], Verdict.MATCH),
        ([hit("writing", 0.8)], Verdict.WEAK),
        ([hit("speech", 0.4)], Verdict.NONE),
        ([hit("picture", 0.1, 0.01), hit("path", 1.0)], Verdict.MATCH),
    ],
)
def test_the_verdict_is_that_of_the_strongest_evidence(hits: list[Scored], verdict: Verdict) -> None:
    assert judge(hits, 1.0, by_likeness=False, strictness=Strictness.NORMAL) == verdict


def test_what_was_heard_approximately_is_weak_at_most() -> None:
    found = Evidence(signal="speech", contribution=1.0, raw=1.0, model="m", approximate=True)
    assert grade(fuse({"scene": [found]})[0]) == Verdict.WEAK


def test_strict_takes_weak_for_none_and_loose_takes_none_for_weak() -> None:
    weak, none = [hit("writing", 0.8)], [hit("writing", 0.1)]
    assert judge(weak, 1.0, by_likeness=False, strictness=Strictness.STRICT) == Verdict.NONE
    assert judge(none, 1.0, by_likeness=False, strictness=Strictness.LOOSE) == Verdict.WEAK
    assert judge([], 1.0, by_likeness=False, strictness=Strictness.LOOSE) == Verdict.NONE


def test_strict_shows_sure_answers_alone() -> None:
    sure, weak = hit("speech", 1.0), hit("writing", 0.8)
    assert held_to([sure, weak], Strictness.STRICT, by_likeness=False) == [sure]
    assert held_to([sure, weak], Strictness.NORMAL, by_likeness=False) == [sure, weak]


@pytest.mark.parametrize(("certainty", "verdict"), [(1.0, Verdict.MATCH), (0.2, Verdict.WEAK)])
def test_what_is_most_like_a_picture_answers_unless_words_were_given_that_nobody_understood(
    certainty: float, verdict: Verdict
) -> None:
    found = judge([hit("picture", 0.3)], certainty, by_likeness=True, strictness=Strictness.NORMAL)
    assert found == verdict
