from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.extractors.passages import estimated_tokens, passages, sentences_of


def test_whole_sentences_go_together_as_long_as_they_fit() -> None:
    sentences = ["one two three four.", "five six seven.", "eight nine ten eleven twelve."]
    assert passages(sentences, 100) == [" ".join(sentences)]
    assert passages(sentences, 14) == [" ".join(sentences[:2]), sentences[2]]
    assert passages(sentences, 0) == [" ".join(sentences)]


def test_a_sentence_that_is_too_long_is_cut_at_words() -> None:
    found = passages([" ".join(["word"] * 100)], 22)
    assert [len(part.split()) for part in found] == [18] * 5 + [10]


@pytest.mark.parametrize("text", ["あ" * 200, "한" * 200, "x" * 2000, "7" * 200])
def test_a_text_without_spaces_is_cut_at_characters_and_nothing_is_lost(text: str) -> None:
    found = passages([text], 64)
    assert len(found) > 1
    assert "".join("".join(found).split()) == text
    assert max(map(estimated_tokens, found)) <= 62


def test_blanks_make_no_passage() -> None:
    assert passages(["", " \n "], 64) == []


@given(st.lists(st.text(max_size=200), max_size=8), st.integers(min_value=8, max_value=80))
def test_every_passage_fits_and_no_character_is_lost(sentences: list[str], context: int) -> None:
    found = passages(sentences, context)
    assert "".join("".join(found).split()) == "".join("".join(sentences).split())
    assert all(part and estimated_tokens(part) <= context - 2 for part in found)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A dog runs. A man follows!", ["A dog runs.", "A man follows!"]),
        ('He says "stop." She does not.', ['He says "stop.', "She does not."]),
        ("犬が走る。人が追う。", ["犬が走る。", "人が追う。"]),
        ("no marks at all", ["no marks at all"]),
        ("It costs 3.50 in all.", ["It costs 3.50 in all."]),
        ("", []),
    ],
)
def test_a_written_text_is_divided_at_its_marks(text: str, parts: list[str]) -> None:
    assert sentences_of(text) == parts
