from __future__ import annotations

import pytest

from heimdex.extractors.chat_answers import Reply
from heimdex.extractors.describer import cost_of, question, refusal_of


def test_the_question_names_its_language_and_how_many_frames_there_are() -> None:
    one, several = question(None, "German", 1), question(None, "fr", 3)
    assert "in German" in one.prompt
    assert one.language == "de"
    assert "frames of one scene" in several.prompt
    assert several.language == "fr"


def test_a_prompt_of_ones_own_is_asked_as_it_is() -> None:
    own = question("Welche {Farben}? Auf {language}.", "Klingon", 1)
    assert own.prompt == "Welche {Farben}? Auf Klingon."
    assert own.language is None


def test_whatever_changes_the_answer_changes_what_it_is_remembered_by() -> None:
    asked = question(None, "English", 2)
    keys = {
        asked.key(["a", "b"]),
        asked.key(["b", "a"]),
        asked.key(["ab"]),
        question(None, "Dutch", 2).key(["a", "b"]),
        question(None, "English", 1).key(["a", "b"]),
    }
    assert len(keys) == 5
    assert asked.key(["a", "b"]) in keys


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that request.",
        "I’m sorry, I cannot help with identifying people.",
        "Sorry, I am unable to view images.",
        "I cannot describe this picture.",
        "I'm not able to process images directly.",
        "Unfortunately, I can't see the image.",
    ],
)
def test_an_excuse_is_no_description(text: str) -> None:
    assert refusal_of(Reply(text=text)) == f"the model refuses: {text}"


@pytest.mark.parametrize(
    "text",
    [
        "A man holds a sign that says I cannot help you.",
        "I can see a dog.",
        "Sorry-looking houses stand in a row.",
        "I'm sorry, I can't identify the person. " + "A man in a red coat walks along a beach at dusk. " * 8,
    ],
)
def test_a_description_is_no_excuse(text: str) -> None:
    assert refusal_of(Reply(text=text)) is None


def test_the_cost_is_counted_in_millions_of_tokens_and_not_made_up() -> None:
    assert cost_of(1_000_000, 500_000, 0.15, 0.60) == pytest.approx(0.45)
    assert cost_of(1000, None, 2.0, 8.0) == 0.002
    assert cost_of(None, None, 2.0, 8.0) is None
    assert cost_of(1000, 10, 0.0, 0.0) is None
