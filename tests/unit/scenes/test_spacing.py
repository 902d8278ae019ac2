"""Boundaries that are too near to each other."""

from __future__ import annotations

from heimdex.scenes.spacing import Spacing

END_US = 100_000


def kept(*offered: tuple[int, float], end_us: int = END_US) -> list[int]:
    spacing = Spacing(600)
    spacing.begin(0)
    for at_us, weight in offered:
        spacing.offer(at_us, weight)
    return spacing.settled(end_us)


def test_boundaries_far_enough_apart_all_stay() -> None:
    assert kept((600, 1.0), (1200, 1.0), (5000, 1.0)) == [600, 1200, 5000]


def test_one_too_near_to_the_start_or_the_end_is_none() -> None:
    assert kept((599, 3.0), (99_500, 3.0)) == []


def test_of_two_too_near_to_each_other_the_heavier_stays() -> None:
    assert kept((1000, 1.0), (1500, 3.0), (4000, 1.0)) == [1500, 4000]


def test_of_two_alike_the_first_stays() -> None:
    assert kept((1000, 2.0), (1500, 2.0), (1599, 1.0)) == [1000]


def test_one_that_was_told_cannot_be_replaced() -> None:
    spacing = Spacing(600)
    spacing.begin(0)
    spacing.offer(1000, 1.0)
    assert spacing.settled(1599) == []
    assert spacing.certain_us(1599) == 1000
    assert spacing.settled(1600) == [1000]
    assert spacing.certain_us(1600) == 1600
    spacing.offer(1599, 9.0)
    assert spacing.settled(END_US) == []
