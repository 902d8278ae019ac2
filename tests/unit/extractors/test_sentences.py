"""Words become sentences: tables of cases."""

from __future__ import annotations

import pytest

from heimdex.entities import Word
from heimdex.extractors.sentences import LONGEST_CHARACTERS, LONGEST_US, sentences

EACH_US = 300_000


def spoken(text: str, *, each_us: int = EACH_US) -> list[Word]:
    """The words of a text, one after the other; "~" is a pause of 0.2 s, "~~~" one of 0.6 s."""
    words, at_us = [], 0
    for piece in text.split():
        if set(piece) == {"~"}:
            at_us += 200_000 * len(piece)
            continue
        words.append(Word(text=" " + piece, start_us=at_us, end_us=at_us + each_us, confidence=0.5))
        at_us += each_us
    return words


def letters(text: str) -> list[Word]:
    """A text without spaces, a word a letter, as recognisers give Chinese and Japanese; "~" as above."""
    words: list[Word] = []
    at_us = 0
    for letter in text:
        if letter == "~":
            at_us += 200_000
        elif letter in "。！？，、」":  # what follows a letter stands with it
            words[-1] = Word(text=words[-1].text + letter, start_us=words[-1].start_us, end_us=at_us)
        else:
            words.append(Word(text=letter, start_us=at_us, end_us=at_us + 150_000))
            at_us += 150_000
    return words


@pytest.mark.parametrize(
    ("said", "language", "wanted"),
    [
        ("It rains. We stay.", "en", ["It rains.", "We stay."]),
        ("Really? Yes! Fine.", "en", ["Really?", "Yes!", "Fine."]),
        ("Mr. Smith met Dr. Jones at 5 p.m. sharp.", "en", ["Mr. Smith met Dr. Jones at 5 p.m. sharp."]),
        ("It costs 3.5 dollars. Too much.", "en", ["It costs 3.5 dollars.", "Too much."]),
        ("See No. 5 and fig. 2 now.", "en", ["See No. 5 and fig. 2 now."]),
        ("No. I will not.", "en", ["No.", "I will not."]),
        ("J. R. Tolkien wrote it. I read it.", "en", ["J. R. Tolkien wrote it.", "I read it."]),
        ("So do I. You too.", "en", ["So do I.", "You too."]),
        ("Birds, e.g. Swifts, fly.", "en", ["Birds, e.g. Swifts, fly."]),
        ("He left the U.S. Then he came back.", "en", ["He left the U.S.", "Then he came back."]),
        ("It was 1990. We moved.", "en", ["It was 1990.", "We moved."]),
        ("Am 3. Oktober kam Hr. Meier. Er blieb.", "de", ["Am 3. Oktober kam Hr. Meier.", "Er blieb."]),
        ("I was third of 3. Then I left.", "en", ["I was third of 3.", "Then I left."]),
        ("“Really?” he said. “Yes.” She left.", "en", ["“Really?” he said.", "“Yes.”", "She left."]),
        ("Well... maybe. Wait... What?", "en", ["Well... maybe.", "Wait...", "What?"]),
        ("M. Dupont est là. Il mange.", "fr", ["M. Dupont est là.", "Il mange."]),
        ("क्या हाल है। ठीक है।", "hi", ["क्या हाल है।", "ठीक है।"]),
        ("كيف حالك؟ أنا بخير.", "ar", ["كيف حالك؟", "أنا بخير."]),
        # A pause in the middle of a sentence that has punctuation does not end it; a very long one does.
        ("And so ~~~~~ my friends. We go.", "en", ["And so my friends.", "We go."]),
        ("And so ~~~~~~~~~~ my friends. We go.", "en", ["And so", "my friends.", "We go."]),
        ("3 ~~~~~~~~~~ .5", "en", ["3", ".5"]),
    ],
)
def test_punctuation_ends_a_sentence_and_abbreviations_do_not(
    said: str, language: str, wanted: list[str]
) -> None:
    assert [found.text for found in sentences(spoken(said), language)] == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("ask not what ~~~ your country can do", ["ask not what", "your country can do"]),
        ("ask not what ~~ your country can do", ["ask not what your country can do"]),
        # One or two words go to whom they are nearer.
        ("we came home ~~~~~ and ~~~ it was late", ["we came home", "and it was late"]),
        ("we came home ~~~ again ~~~~~ it was late", ["we came home again", "it was late"]),
        ("we came home ~~~~~~~~ stop ~~~~~~~~ it was late", ["we came home", "stop", "it was late"]),
        ("hello ~~~ it was late", ["hello it was late"]),
        ("it was late ~~~ bye", ["it was late bye"]),
        ("hello", ["hello"]),
    ],
)
def test_without_punctuation_pauses_end_sentences(said: str, wanted: list[str]) -> None:
    assert [found.text for found in sentences(spoken(said), "en")] == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("今日は雨です。家にいます。", ["今日は雨です。", "家にいます。"]),
        ("你好吗？我很好！", ["你好吗？", "我很好！"]),
        ("「行くよ。」と言った。", ["「行くよ。」", "と言った。"]),
        ("今日は雨です~~~家にいます", ["今日は雨です", "家にいます"]),
    ],
)
def test_text_without_spaces_is_parted_by_its_own_marks_and_joined_without_spaces(
    said: str, wanted: list[str]
) -> None:
    assert [found.text for found in sentences(letters(said), "ja")] == wanted


def test_a_word_in_two_parts_is_never_cut() -> None:
    parts = [
        Word(text=" costs", start_us=0, end_us=200_000),
        Word(text=" 3.", start_us=200_000, end_us=300_000),
        Word(text="5", start_us=300_000, end_us=400_000),
        Word(text=" Euro.", start_us=400_000, end_us=600_000),
        Word(text=" Cheap.", start_us=600_000, end_us=800_000),
    ]
    assert [found.text for found in sentences(parts, "en")] == ["costs 3.5 Euro.", "Cheap."]


def test_one_long_breath_is_cut_between_words_at_its_longest_pauses() -> None:
    words = spoken(" ".join(["word"] * 60 + ["~", "~", "then"] + ["word"] * 60))
    found = sentences(words, "en")
    assert len(found) >= 2
    assert all(one.end_us - one.start_us <= LONGEST_US for one in found)
    assert "then" in [one.text.split()[0] for one in found]  # the pause before it was chosen
    assert [word for one in found for word in one.text.split()] == [word.text.strip() for word in words]


def test_one_long_breath_with_commas_is_cut_behind_a_clause() -> None:
    said = " ".join(["one two three four five six seven eight nine ten,"] * 9) + " end."
    found = sentences(spoken(said, each_us=250_000), "en")
    assert len(found) > 1
    assert all(one.text.endswith((",", ".")) for one in found)


def test_a_long_breath_of_a_language_without_spaces_is_cut_too() -> None:
    found = sentences(letters("あ" * (LONGEST_CHARACTERS + 50)), "ja")
    assert len(found) > 1
    assert "".join(one.text for one in found) == "あ" * (LONGEST_CHARACTERS + 50)


def test_a_sentence_has_the_times_of_its_words_and_their_mean_confidence() -> None:
    (one,) = sentences(
        [
            Word(text=" Good", start_us=1_000_000, end_us=1_200_000, confidence=0.25),
            Word(text=" morning.", start_us=1_300_000, end_us=1_700_000, confidence=0.75),
        ],
        "en",
        first=7,
    )
    assert (one.position, one.start_us, one.end_us) == (7, 1_000_000, 1_700_000)
    assert one.confidence == pytest.approx(0.5)
    assert one.language == "en"
    assert [word.text for word in one.words] == ["Good", "morning."]


def test_words_of_two_who_speak_at_once_are_put_in_order_and_lose_nothing() -> None:
    one = spoken("I think that we should go now.")
    other = [
        Word(text=" " + text, start_us=150_000 + 400_000 * number, end_us=600_000 + 400_000 * number)
        for number, text in enumerate("no please stay here".split())
    ]
    found = sentences(one + other, "en")
    said = [word for sentence in found for word in sentence.words]
    assert sorted(word.text for word in said) == sorted(word.text.strip() for word in one + other)
    assert [word.start_us for word in said] == sorted(word.start_us for word in said)
    assert all(
        sentence.end_us == max(word.end_us for word in sentence.words)
        and sentence.start_us == min(word.start_us for word in sentence.words)
        for sentence in found
    )


def test_nothing_said_is_no_sentence() -> None:
    assert sentences([], "en") == []
    assert sentences([Word(text="  ", start_us=0, end_us=1)], "en") == []
