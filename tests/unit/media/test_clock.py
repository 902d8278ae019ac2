"""Ticks, microseconds, wraps and clocks that start over."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.media.clock import WRAP_TICKS, Clock, Splice, to_ticks, to_us

MPEG = Fraction(1, 90_000)


@pytest.mark.parametrize(
    ("ticks", "time_base", "us"),
    [(1, MPEG, 11), (90_000, MPEG, 1_000_000), (1001, Fraction(1, 30_000), 33_367), (-1, MPEG, -11)],
)
def test_ticks_become_the_nearest_microsecond(ticks: int, time_base: Fraction, us: int) -> None:
    assert to_us(ticks, time_base) == us


@given(st.integers(-(10**12), 10**12), st.sampled_from([MPEG, Fraction(1, 1000), Fraction(1001, 30_000)]))
def test_a_tick_is_found_again_from_its_microsecond_or_the_one_before(ticks: int, base: Fraction) -> None:
    assert to_ticks(to_us(ticks, base), base) in (ticks - 1, ticks)


def test_a_day_of_ticks_is_exact() -> None:
    assert to_us(86_400 * 12_800, Fraction(1, 12_800)) == 86_400_000_000


def test_a_wrapped_clock_goes_on_after_the_wrap() -> None:
    zero_us = to_us(WRAP_TICKS - 90_000, MPEG)
    clock = Clock(time_base=MPEG, zero_us=zero_us, wraps=True)
    assert clock.at_us(WRAP_TICKS - 90_000) == pytest.approx(0, abs=12)
    assert clock.at_us(0) == pytest.approx(1_000_000, abs=12)
    assert clock.at_us(90_000) == pytest.approx(2_000_000, abs=12)


def test_what_lies_a_little_before_zero_is_negative_and_not_a_day_late() -> None:
    clock = Clock(time_base=MPEG, zero_us=1_000_000, wraps=True)
    assert clock.at_us(45_000) == -500_000


def test_a_clock_that_starts_over_is_continued() -> None:
    splice = Splice(MPEG)
    offsets = [splice.feed(ticks, 3600) for ticks in (900_000, 903_600, 907_200, 9_000, 12_600)]
    assert offsets == [0, 0, 0, 910_800 - 9_000, 910_800 - 9_000]
    assert splice.breaks == 1


def test_a_gap_in_a_recording_stays_a_gap() -> None:
    splice = Splice(MPEG)
    offsets = [splice.feed(ticks, 3600) for ticks in (0, 3600, 90_000 * 60)]
    assert offsets == [0, 0, 0]
    assert splice.breaks == 0


def test_packets_without_a_time_change_nothing() -> None:
    splice = Splice(MPEG)
    assert [splice.feed(ticks, 3600) for ticks in (0, None, 3600)] == [0, 0, 0]
