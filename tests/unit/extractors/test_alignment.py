"""Which sentences belong to which scene."""

from __future__ import annotations

import pytest

from heimdex.entities import Scene, Utterance
from heimdex.extractors.alignment import overlapping

SECOND = 1_000_000


def scenes(*bounds_s: tuple[float, float]) -> list[Scene]:
    return [
        Scene(
            position=number, start_us=round(begin * SECOND), end_us=round(end * SECOND), scene_id=str(number)
        )
        for number, (begin, end) in enumerate(bounds_s)
    ]


def sentence(begin_s: float, end_s: float, position: int = 0) -> Utterance:
    return Utterance(
        position=position, start_us=round(begin_s * SECOND), end_us=round(end_s * SECOND), text="so it is"
    )


THREE = scenes((2, 5), (5, 6), (6, 20))


@pytest.mark.parametrize(
    ("said_s", "wanted"),
    [
        ((2.5, 4), "0"),
        ((4, 5.5), "01"),
        ((4, 7), "012"),
        ((2, 5), "0"),  # half-open: it ends where the next scene begins
        ((4.9, 5.9), "1"),  # a tenth of a second of it in scene 0
        ((4.9, 5.2), "01"),  # a third of it, however short
        ((4.7, 5.9), "01"),  # a quarter of a second is more than a sliver
        ((4, 5.1), "0"),
        ((4.95, 6.05), "1"),
        ((0, 1), "0"),  # before the first
        ((0, 2.1), "0"),
        ((30, 31), "2"),  # after the last
        ((5.5, 5.5), "1"),  # of no length
        ((5, 5), "1"),
        ((0, 60), "012"),
    ],
)
def test_a_sentence_belongs_to_the_scenes_it_is_said_in(said_s: tuple[float, float], wanted: str) -> None:
    said = sentence(*said_s)
    found = overlapping([said], THREE)
    assert "".join(scene_id for scene_id, group in found.items() if group) == wanted
    assert all(group == (said,) for group in found.values() if group)  # with its true time in each


def test_a_sentence_in_a_gap_goes_to_the_nearest_scene() -> None:
    apart = scenes((0, 2), (10, 12))
    assert overlapping([sentence(3, 4)], apart)["0"]
    assert overlapping([sentence(8, 9)], apart)["1"]


def test_every_scene_has_an_entry_and_its_sentences_in_order() -> None:
    said = [sentence(number, number + 0.9, number) for number in range(2, 8)]
    found = overlapping(said, [*reversed(THREE)])
    assert {scene_id: [one.position for one in group] for scene_id, group in found.items()} == {
        "0": [2, 3, 4],
        "1": [5],
        "2": [6, 7],
    }
    assert overlapping([], THREE) == {"0": (), "1": (), "2": ()}


def test_without_scenes_there_is_nothing_to_belong_to() -> None:
    assert overlapping([sentence(0, 1)], []) == {}


def test_a_sentence_of_slivers_alone_belongs_to_the_largest() -> None:
    short = scenes(*((number * 0.1, (number + 1) * 0.1) for number in range(20)))
    found = overlapping([sentence(0.05, 1.55)], short)
    assert sum(1 for group in found.values() if group) >= 1
