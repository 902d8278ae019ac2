"""Stretches share windows, and words find their way back."""

from __future__ import annotations

from heimdex.entities import Word
from heimdex.extractors.packing import LONGEST_SAMPLES, packed
from heimdex.extractors.recogniser import SAMPLE_RATE_HZ, Passage, Stretch
from tests.unit.extractors.sounds import noise

SECOND = 1_000_000


def stretch(start_s: float, seconds: float) -> Stretch:
    return Stretch(start_us=round(start_s * SECOND), samples=noise(seconds))


def test_short_stretches_share_a_window_and_long_ones_do_not() -> None:
    all_of_them = [
        stretch(0, 10),
        stretch(20, 10),
        stretch(40, 8),
        stretch(60, 5),
        stretch(80, 28),
        stretch(110, 40),
    ]
    windows = list(packed(all_of_them))
    assert [len(window.stretches) for window in windows] == [3, 1, 1, 1]
    assert [one for window in windows for one in window.stretches] == all_of_them
    assert all(len(window.samples) <= LONGEST_SAMPLES for window in windows[:3])
    assert len(windows[0].samples) == 28 * SAMPLE_RATE_HZ
    assert list(packed([])) == []


def test_words_come_back_to_the_time_of_their_stretch() -> None:
    (window,) = packed([stretch(100, 2), stretch(200, 3), stretch(300, 1)])
    heard = Passage(
        words=(
            Word(text=" one", start_us=500_000, end_us=SECOND),
            Word(text=" two", start_us=1_900_000, end_us=2_400_000),  # its middle lies in the second
            Word(text=" three", start_us=4 * SECOND, end_us=4_500_000),
            Word(text=" four", start_us=7 * SECOND, end_us=8 * SECOND),  # past the end
        ),
        language="en",
        no_speech=0.1,
    )
    found = list(window.placed(heard))
    assert [[(word.text, word.start_us / SECOND) for word in one.words] for one in found] == [
        [(" one", 100.5)],
        [(" two", 199.9), (" three", 202)],
        [(" four", 302)],
    ]
    assert {one.no_speech for one in found} == {0.1}


def test_a_stretch_in_which_nothing_was_heard_has_a_passage_without_words() -> None:
    (window,) = packed([stretch(0, 1), stretch(5, 1), stretch(9, 1)])
    found = list(window.placed(Passage(words=(Word(text=" a", start_us=0, end_us=1),), language="en")))
    assert [len(one.words) for one in found] == [1, 0, 0]
