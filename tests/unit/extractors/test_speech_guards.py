"""What recognisers invent is left out, and counted."""

from __future__ import annotations

import pytest

from heimdex.entities import Word
from heimdex.extractors.recogniser import Passage, Stretch
from heimdex.extractors.speech_guards import (
    Dropped,
    is_repetitive,
    kept_words,
    phantoms,
    plain,
    without_loops,
)
from tests.unit.extractors.sounds import noise

STRETCH = Stretch(start_us=1_000_000, samples=noise(10))


def passage(
    text: str,
    *,
    confidence: float = 0.9,
    no_speech: float | None = 0.05,
    log_probability: float | None = -0.3,
) -> Passage:
    words = tuple(
        Word(
            text=" " + word,
            start_us=1_000_000 + n * 100_000,
            end_us=1_100_000 + n * 100_000,
            confidence=confidence,
        )
        for n, word in enumerate(text.split())
    )
    return Passage(words=words, language="en", no_speech=no_speech, log_probability=log_probability)


def kept(heard: Passage) -> tuple[str, str | None]:
    dropped = Dropped()
    words = kept_words(heard, STRETCH, dropped)
    return " ".join(word.text.strip() for word in words), dropped.note


def test_speech_is_kept_as_it_is() -> None:
    assert kept(passage("we shall meet again tomorrow")) == ("we shall meet again tomorrow", None)
    assert kept(passage("we shall meet", no_speech=None, log_probability=None)) == ("we shall meet", None)


def test_words_in_which_the_recogniser_does_not_believe_where_nobody_speaks_are_left_out() -> None:
    assert kept(passage("oh well then", no_speech=0.9, log_probability=-1.5)) == (
        "",
        "left out: 3 words where nobody speaks",
    )
    assert kept(passage("oh well then", no_speech=0.9, log_probability=-0.4))[0] == "oh well then"
    assert kept(passage("oh well then", no_speech=0.1, log_probability=-1.5))[0] == "oh well then"


@pytest.mark.parametrize(
    "said",
    ["Thank you for watching!", "Thanks for watching.", "ご視聴ありがとうございました。", "Vielen Dank."],
)
def test_known_inventions_are_left_out_only_where_they_are_doubtful(said: str) -> None:
    assert kept(passage(said, confidence=0.2))[0] == ""
    assert kept(passage(said, no_speech=0.5))[0] == ""
    assert kept(passage(said)) == (said, None)
    assert kept(passage(said, confidence=0.2, no_speech=None)) == (said, None)
    assert kept(passage(f"{said} and good night", confidence=0.2))[0] == f"{said} and good night"


def test_a_loop_is_left_standing_once() -> None:
    text, note = kept(passage("so " + "I do not know " * 7 + "yet"))
    assert text == "so I do not know yet"
    assert note == "left out: 24 words that repeat themselves"


@pytest.mark.parametrize(
    "said",
    [
        "no no no no",
        "never ever never ever never ever",
        "row row row your boat gently down the stream",
        "bye bye",
    ],
)
def test_what_people_repeat_is_no_loop(said: str) -> None:
    assert kept(passage(said)) == (said, None)


def test_a_loop_of_single_letters_is_found_too() -> None:
    words = [Word(text=letter, start_us=0, end_us=1) for letter in "はい" * 20 + "そう"]
    dropped = Dropped()
    assert "".join(word.text for word in without_loops(words, dropped)) == "はいそう"


def test_what_still_compresses_too_well_is_left_out_whole() -> None:
    said = " ".join(f"la{n % 2} la la{n % 3} la" for n in range(60))
    assert is_repetitive(said)
    assert kept(passage(said, confidence=0.9))[0] != said
    assert not is_repetitive("ask not what your country can do for you, ask what you can do for your country")
    assert not is_repetitive("")


def test_words_outside_of_their_sound_are_left_out_and_those_that_reach_over_are_cut() -> None:
    heard = Passage(
        words=(
            Word(text=" early", start_us=0, end_us=500_000),
            Word(text=" first", start_us=900_000, end_us=1_500_000),
            Word(text=" last", start_us=10_800_000, end_us=11_100_000),
            Word(text=" late", start_us=12_000_000, end_us=13_000_000),
        ),
        language="en",
    )
    dropped = Dropped()
    words = kept_words(heard, STRETCH, dropped)
    assert [(word.text, word.start_us, word.end_us) for word in words] == [
        (" first", 1_000_000, 1_500_000),
        (" last", 10_800_000, 11_000_000),
    ]
    assert dropped.note == "left out: 2 words outside of the sound"


def test_known_inventions_are_written_as_they_are_compared() -> None:
    assert len(phantoms()) > 40
    assert [line for line in phantoms() if plain(line) != line] == []
