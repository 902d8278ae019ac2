"""Where long shots are divided."""

from __future__ import annotations

import numpy as np

from heimdex.scenes.division import Divider

SECOND_US = 1_000_000
LONGEST_US = 30 * SECOND_US


def divider(change: np.ndarray, rate: int = 25) -> Divider:
    made = Divider(LONGEST_US)
    made.add(np.arange(len(change)) * SECOND_US // rate, change.astype(np.float32))
    return made


def test_a_shot_that_is_short_enough_is_left_whole() -> None:
    assert divider(np.full(750, 5.0)).point(0, LONGEST_US) is None


def test_the_calmest_moment_is_chosen() -> None:
    change = np.full(900, 8.0)
    change[400:425] = 1.0
    point = divider(change).point(0, 36 * SECOND_US)
    assert point is not None
    assert 16 * SECOND_US <= point < 17 * SECOND_US


def test_a_calm_moment_near_the_start_or_the_end_is_not_taken() -> None:
    change = np.full(900, 8.0)
    change[25:50] = change[700:740] = 0.0
    point = divider(change).point(0, 36 * SECOND_US)
    assert point is not None
    assert 10 * SECOND_US <= point <= 24 * SECOND_US


def test_one_still_frame_amid_unrest_is_not_calm() -> None:
    change = np.full(900, 8.0)
    change[300] = 0.0
    change[450:500] = 3.0
    point = divider(change).point(0, 36 * SECOND_US)
    assert point is not None
    assert 18 * SECOND_US <= point < 20 * SECOND_US


def test_frames_that_stand_for_long_are_divided_between() -> None:
    made = Divider(LONGEST_US)
    made.add(np.array([0, 27, 54, 81]) * SECOND_US, np.zeros(4, np.float32))
    assert made.point(0, 108 * SECOND_US) == 27 * SECOND_US


def test_a_single_frame_cannot_be_divided() -> None:
    made = Divider(LONGEST_US)
    made.add(np.array([0]), np.zeros(1, np.float32))
    assert made.point(0, 100 * SECOND_US) is None
