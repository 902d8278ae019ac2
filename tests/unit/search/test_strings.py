from __future__ import annotations

import pytest

from heimdex.search.strings import AskedString
from heimdex.store.lexicon.confusables import readable
from heimdex.store.lexicon.words import words


def score(asked: str, *lines: str, parts: bool = True, nearly: bool = True) -> tuple[float, int, bool] | None:
    written = "\n".join(" ".join(words(readable(line))) for line in lines)
    found = AskedString(words(readable(asked)), parts=parts, nearly=nearly).score(written)
    return None if found is None else (round(found.raw, 3), found.line, found.approximate)


@pytest.mark.parametrize(
    ("asked", "line", "raw"),
    [
        ("EXIT", "exit 24", 1.0),
        ("exit 24", "EXIT 24 B", 1.0),
        ("KO 105", "ko-105", 1.0),
        ("105", "IOS", 0.95),
        ("exit24", "EXIT 24", 0.9),  # but for a space
        ("XIT", "EXIT", 0.825),
        ("24", "1240", 0.75),
        ("1O5", "KO105X", 0.95 * 0.75),
        ("東京", "東京タワー", 1.0),
        ("AK", "AK", 1.0),
        ("7", "gate 7", 1.0),
    ],
)
def test_a_string_scores_by_how_whole_it_is(asked: str, line: str, raw: float) -> None:
    assert score(asked, line) == (round(raw, 3), 0, False)


def test_the_best_line_is_told() -> None:
    assert score("105", "XI05", "nothing", "105") == (1.0, 2, False)


def test_a_misread_character_is_nearly_the_string() -> None:
    found = score("TTX0017", "serial 8X5-TTQ-0017")
    assert found is not None
    assert found[2]
    assert found[0] < 0.6


@pytest.mark.parametrize(
    ("asked", "line"),
    [("TTX", "TTQ"), ("ABCDEF", "UVWXYZ"), ("105", "106"), ("exit", "ex on it"), ("7", "17")],
)
def test_what_is_another_string_is_not_found(asked: str, line: str) -> None:
    assert score(asked, line, parts=asked != "7") is None


def test_a_word_that_may_be_no_part_is_found_whole_only() -> None:
    assert score("art", "party", parts=False, nearly=False) is None
    assert score("art", "modern art", parts=False, nearly=False) == (1.0, 0, False)
