"""Probabilities of speech become spans."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.extractors.spans import CUT_WITHIN, LONGEST, PADDING, PAUSE, Span, SpeechSpans, quietest

LOUD, QUIET, BETWEEN = 0.9, 0.05, 0.3


def spans(*parts: tuple[float, int]) -> list[Span]:
    """The spans of (probability, windows) parts in a row."""
    finder = SpeechSpans()
    probabilities = [probability for probability, count in parts for _ in range(count)]
    return [*finder.add(probabilities), *finder.finish()]


def test_speech_between_silences_is_a_span_with_its_padding() -> None:
    assert spans((QUIET, 100), (LOUD, 50), (QUIET, 100)) == [Span(start=100 - PADDING, end=150 + PADDING)]


def test_silence_has_no_span() -> None:
    assert spans((QUIET, 1000)) == []
    assert spans() == []


def test_a_click_is_no_speech() -> None:
    assert spans((QUIET, 100), (LOUD, 2), (QUIET, 200)) == []


def test_a_short_pause_does_not_end_a_span_and_a_long_one_does() -> None:
    assert len(spans((LOUD, 50), (QUIET, PAUSE - 1), (LOUD, 50))) == 1
    assert len(spans((LOUD, 50), (QUIET, PAUSE + 1), (LOUD, 50))) == 2


def test_speech_goes_on_while_it_is_no_silence_and_does_not_begin_so() -> None:
    assert spans((BETWEEN, 100)) == []
    assert spans((LOUD, 10), (BETWEEN, 300), (QUIET, 200)) == [Span(start=0, end=310 + PADDING)]


def test_padding_stays_within_the_stream() -> None:
    assert spans((LOUD, 50)) == [Span(start=0, end=50)]


def test_speech_without_end_is_cut_where_it_is_quietest() -> None:
    found = spans((LOUD, LONGEST - 100), (0.3, 3), (LOUD, 200), (QUIET, 100))
    assert found[0].end == LONGEST - 99
    assert found[1].start == found[0].end


def test_the_last_windows_of_speech_stay_in_when_a_cut_falls_just_before_its_end() -> None:
    found = spans((LOUD, LONGEST))
    assert [found[0].start, found[-1].end] == [0, LONGEST]
    assert all(one.end == two.start for one, two in pairwise(found))


@given(st.lists(st.tuples(st.sampled_from([QUIET, BETWEEN, LOUD]), st.integers(1, 700)), max_size=12))
def test_spans_are_in_order_apart_short_enough_and_hold_all_the_speech(
    parts: list[tuple[float, int]],
) -> None:
    found = spans(*parts)
    heard = np.array([probability for probability, count in parts for _ in range(count)])
    assert all(one.start < one.end <= len(heard) for one in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert all(one.end - one.start <= LONGEST + 2 * PADDING for one in found)
    inside = np.zeros(len(heard), bool)
    for one in found:
        inside[one.start : one.end] = True
    begin = 0
    for probability, count in parts:
        if probability == LOUD and count >= 10:
            assert inside[begin : begin + count].all()
        begin += count


@given(st.lists(st.sampled_from([QUIET, BETWEEN, LOUD]), max_size=300), st.integers(1, 50))
def test_it_does_not_matter_in_which_portions_they_come(probabilities: list[float], portion: int) -> None:
    whole, parts = SpeechSpans(), SpeechSpans()
    found = [*whole.add(probabilities), *whole.finish()]
    collected = []
    for first in range(0, len(probabilities), portion):
        for span in parts.add(probabilities[first : first + portion]):
            collected.append(span)  # noqa: PERF402
        assert parts.needed_from <= first + portion
    assert [*collected, *parts.finish()] == found


@pytest.mark.parametrize("count", [1, 2, 3, 900])
def test_the_quietest_place_lies_inside(count: int) -> None:
    at = quietest([LOUD] * count)
    assert at >= max(1, count - CUT_WITHIN)
    assert at <= max(1, count - 1)
