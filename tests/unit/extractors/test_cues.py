"""Subtitle cues become sentences."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from heimdex.extractors.cues import sentences_of_cues

SECOND = 1_000_000


@dataclass(frozen=True)
class Shown:
    """A cue, in seconds."""

    start_s: float
    end_s: float
    text: str

    @property
    def start_us(self) -> int:
        return round(self.start_s * SECOND)

    @property
    def end_us(self) -> int:
        return round(self.end_s * SECOND)


def times_s(cues: list[Shown], language: str | None = "en") -> list[tuple[float, float, str]]:
    return [
        (one.start_us / SECOND, one.end_us / SECOND, one.text) for one in sentences_of_cues(cues, language)
    ]


def test_a_sentence_goes_on_over_several_cues_and_has_the_times_of_the_first_and_last() -> None:
    cues = [
        Shown(1, 3, "When I was young,"),
        Shown(3.1, 5, "I wanted to see\nthe whole"),
        Shown(5.2, 7, "world."),
    ]
    assert times_s(cues) == [(1, 7, "When I was young, I wanted to see the whole world.")]


def test_a_cue_with_two_sentences_is_parted_where_its_letters_say() -> None:
    found = times_s([Shown(10, 14, "One two. Four six.")])
    assert [text for *_, text in found] == ["One two.", "Four six."]
    assert found[0][0] == 10
    assert found[1][1] == 14
    assert found[0][1] == pytest.approx(found[1][0])
    assert 11.5 < found[0][1] < 12.1


def test_a_sentence_may_begin_in_the_middle_of_a_cue() -> None:
    found = times_s([Shown(0, 2, "Stop. I have to"), Shown(2.1, 4, "tell you something.")])
    assert [text for *_, text in found] == ["Stop.", "I have to tell you something."]
    assert found[1][1] == 4


def test_words_of_subtitles_have_no_times_of_their_own() -> None:
    (one,) = sentences_of_cues([Shown(0, 2, "Just this.")], "en")
    assert one.words == ()
    assert one.confidence == 1.0


def test_two_who_speak_in_one_cue_are_two_sentences_without_their_dashes() -> None:
    found = times_s([Shown(0, 4, "- Are you coming\n- Not today"), Shown(4.1, 6, "- Please.")])
    assert [text for *_, text in found] == ["Are you coming", "Not today", "Please."]


def test_a_long_gap_ends_a_sentence_without_punctuation() -> None:
    found = times_s([Shown(0, 2, "I thought"), Shown(6, 8, "It was over."), Shown(8.1, 9, "Yes.")])
    assert [text for *_, text in found] == ["I thought", "It was over.", "Yes."]


def test_subtitles_without_punctuation_are_a_sentence_each() -> None:
    cues = [Shown(number, number + 0.9, f"line number {number}") for number in range(5)]
    assert [text for *_, text in times_s(cues)] == [cue.text for cue in cues]


def test_cues_that_overlap_are_not_one_sentence() -> None:
    found = times_s([Shown(0, 4, "I was saying that"), Shown(2, 5, "Wait, what?"), Shown(5.1, 6, "Yes.")])
    assert [text for *_, text in found] == ["I was saying that", "Wait, what?", "Yes."]


def test_what_is_repeated_later_is_said_again() -> None:
    found = times_s([Shown(0, 1, "Never."), Shown(5, 6, "Never.")])
    assert [text for *_, text in found] == ["Never.", "Never."]


def test_wide_text_is_parted_at_its_full_stops_and_joined_without_spaces() -> None:
    cues = [Shown(0, 2, "今日は雨"), Shown(2, 4, "です。家に"), Shown(4, 6, "います。")]
    assert [text for *_, text in times_s(cues, "ja")] == ["今日は雨です。", "家にいます。"]


def test_korean_keeps_its_spaces() -> None:
    cues = [Shown(0, 2, "오늘은 비가"), Shown(2, 4, "옵니다. 집에 있어요.")]
    assert [text for *_, text in times_s(cues, "ko")] == ["오늘은 비가 옵니다.", "집에 있어요."]


def test_notes_and_empty_cues_say_nothing() -> None:
    assert times_s([Shown(0, 1, "♪♪"), Shown(1, 2, ""), Shown(2, 3, " \n ")]) == []


def test_a_sound_that_is_described_does_not_go_on_with_what_was_said() -> None:
    found = times_s([Shown(0, 2, "I told you"), Shown(2.1, 3, "[door slams]"), Shown(3.5, 4, "He left.")])
    assert found[0][2] == "I told you"


def test_cues_out_of_order_and_without_length_keep_their_times() -> None:
    found = times_s([Shown(5, 5, "Second."), Shown(1, 2, "First.")])
    assert found == [(1, 2, "First."), (5, 5, "Second.")]
