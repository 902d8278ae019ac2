"""What of a reader's findings is kept."""

from __future__ import annotations

import pytest

from heimdex.extractors.writing import is_writing, tidied


@pytest.mark.parametrize("text", ["K7", "B 3", "OPEN", "12:45"])
def test_what_was_read_surely_is_kept(text: str) -> None:
    assert is_writing(text, 0.95)


@pytest.mark.parametrize("text", ["", "—", "...", "/ |"])
def test_signs_alone_are_not_writing(text: str) -> None:
    assert not is_writing(text, 1.0)


@pytest.mark.parametrize("text", ["I", "(1)", "大"])
def test_a_single_glyph_has_to_be_beyond_doubt(text: str) -> None:
    assert [is_writing(text, confidence) for confidence in (0.97, 0.99)] == [False, True]


def test_the_shorter_a_reading_the_surer_it_has_to_be() -> None:
    assert [is_writing(text, 0.75) for text in ("出", "K7", "K72", "K721")] == [False, False, True, True]
    assert not is_writing("a long line of writing", 0.5)


def test_a_reading_is_in_nfc_and_on_one_line() -> None:
    assert tidied(" Mu\u0308nchen\u3000\tHbf\n\u200b") == "München Hbf"
