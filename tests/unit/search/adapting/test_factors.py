from __future__ import annotations

import numpy as np
import pytest

from heimdex.entities import Evidence, Hit, TextChannel
from heimdex.search.adapting.factors import LEAST, MOST, PULLS, contributions, fit, pairs_of, reorder
from heimdex.search.fusion import GROUPS, fuse
from heimdex.search.labels import Labelled, Moment
from tests.marked import photo_hit


def hit(name: str, /, **contributed: float) -> Hit:
    evidence = tuple(
        Evidence(
            signal="speech" if signal == "meaning" else signal,
            contribution=value,
            raw=value,
            model="m",
            strength=value,
            channel=TextChannel.TRANSCRIPT if signal == "meaning" else None,
        )
        for signal, value in contributed.items()
    )
    return photo_hit(name, evidence)


def asked(*hits: Hit) -> tuple[Labelled, list[Hit]]:
    """A query that the hit `right` answers."""
    return Labelled(query="q", moments=(Moment(path="right"),)), sorted(hits, key=lambda h: -h.score)


def factors_of(*answered: tuple[Labelled, list[Hit]], pull: float = PULLS[-1]) -> dict[str, float]:
    return dict(zip(GROUPS, fit(pairs_of(answered), pull), strict=True))


def test_where_all_right_answers_are_ahead_factors_stay_exactly_one() -> None:
    easy = asked(hit("right", picture=0.9), hit("wrong", picture=0.4), hit("other", path=0.3))
    assert set(factors_of(easy, easy).values()) == {1.0}
    assert set(factors_of().values()) == {1.0}
    assert set(factors_of(asked(hit("wrong", picture=0.4))).values()) == {1.0}, "a right one was not found"


def test_a_planted_preference_is_learned_and_the_right_answer_comes_first() -> None:
    misled = [
        asked(hit("right", picture=0.6 + step), hit("wrong", picture=0.3, path=0.4 + step))
        for step in np.linspace(0, 0.05, 12)
    ]
    found = factors_of(*misled)
    assert found["path"] < 0.8 < 1.0 < found["picture"]
    assert {found[name] for name in ("speech", "writing", "caption", "meaning")} == {1.0}
    row = np.array([found[name] for name in GROUPS])
    assert [reorder(hits, row)[0].path for _, hits in misled] == ["right"] * 12
    assert misled[0][1][0].path == "wrong"


def test_a_stronger_pull_keeps_factors_nearer_to_one() -> None:
    misled = asked(hit("right", picture=0.6), hit("wrong", picture=0.3, path=0.5))
    away = [1.0 - factors_of(misled, pull=pull)["path"] for pull in PULLS]
    assert away == sorted(away)
    assert 0 < away[0] < away[-1]


def test_factors_keep_within_their_bounds_however_wrong_all_is() -> None:
    hopeless = asked(
        hit("right", caption=0.01), *(hit(f"wrong {n}", picture=1.0, path=0.5) for n in range(20))
    )
    found = factors_of(hopeless, pull=1e-6)
    assert min(found.values()) == pytest.approx(LEAST)
    assert max(found.values()) <= MOST


def test_one_wrong_mark_among_many_right_ones_changes_little() -> None:
    right = [asked(hit("right", picture=0.5), hit("wrong", speech=0.4)) for _ in range(30)]
    mistaken = asked(hit("right", speech=0.1), hit("wrong", picture=1.0))
    found = factors_of(*right, mistaken, pull=PULLS[1])
    assert all(abs(factor - 1.0) < 0.05 for factor in found.values())


def test_what_is_found_by_meaning_is_a_group_of_its_own() -> None:
    row = contributions([hit("a", speech=0.5, meaning=0.25)])[0]
    assert dict(zip(GROUPS, row, strict=True))["speech"] == 0.5
    assert dict(zip(GROUPS, row, strict=True))["meaning"] == 0.25


def test_fused_scores_are_the_sum_of_contributions_with_factors_and_strengths_stay() -> None:
    found = {"a": hit("a", picture=0.5, path=0.2, meaning=0.1).evidence, "b": hit("b", picture=0.6).evidence}
    plain, weighed = fuse(found), fuse(found, {"picture": 0.5, "path": 2.0})
    assert [one.scene_id for one in plain] == [one.scene_id for one in weighed] == ["a", "b"]
    for one, other in zip(plain, weighed, strict=True):
        assert other.score == pytest.approx(sum(item.contribution for item in other.evidence))
        assert {i.signal: i.strength for i in one.evidence} == {i.signal: i.strength for i in other.evidence}
    assert weighed[1].score == pytest.approx(0.3)
    assert [item.contribution for item in weighed[0].evidence] == sorted(
        (item.contribution for item in weighed[0].evidence), reverse=True
    )
