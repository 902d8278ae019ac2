"""Two lists of hits held against each other."""

from __future__ import annotations

import pytest

from heimdex.entities import Hit, Kind
from heimdex.search.overlap import overlap, rank_correlation


def hit(*scene_ids: str) -> Hit:
    return Hit(
        scene_id=scene_ids[0],
        asset_id="asset",
        path="/film.mp4",
        kind=Kind.VIDEO,
        start_us=0,
        end_us=1,
        score=1.0,
        thumbnail=None,
        evidence=(),
        scene_ids=scene_ids,
    )


def hits(names: str) -> list[Hit]:
    return [hit(name) for name in names]


@pytest.mark.parametrize(
    ("before", "after", "share", "order"),
    [
        ("abcd", "abcd", 1.0, 1.0),
        ("abcd", "dcba", 1.0, -1.0),
        ("abcd", "abxy", 0.5, 1.0),
        ("abcd", "dxya", 0.5, -1.0),
        ("abcd", "bacd", 1.0, 0.6667),
        ("abcd", "axyz", 0.25, None),
        ("abcd", "wxyz", 0.0, None),
        ("abcd", "ab", 0.5, 1.0),
        ("abcd", "", 0.0, None),
        ("", "", 1.0, None),
    ],
)
def test_the_share_of_hits_in_both_and_how_far_their_order_agrees(
    before: str, after: str, share: float, order: float | None
) -> None:
    assert overlap(hits(before), hits(after)) == share
    assert rank_correlation(hits(before), hits(after)) == order


def test_hits_of_joined_scenes_are_the_same_where_they_share_one_and_each_counts_once() -> None:
    joined = [hit("a", "b"), hit("c")]
    assert overlap(joined, [hit("b", "c"), hit("d")]) == 0.5
    assert overlap(joined, [hit("b"), hit("a")]) == 0.5
    assert overlap(joined, [hit("c"), hit("b")]) == 1.0
