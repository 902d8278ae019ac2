from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.store.lexicon.confusables import classed, readable
from heimdex.store.lexicon.folding import fold
from heimdex.store.lexicon.grams import inner, string_terms
from heimdex.store.lexicon.words import words

PLATE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0O1I5S8B2Z6G", "oollssbbzzgg"),
        ("IOS", "105"),
        ("АВ", "AB"),
        ("ΑΒΕ", "ABE"),
        ("Q", "0"),
        ("В777ОР", "B777OP"),
    ],
)
def test_look_alikes_are_one_class(one: str, other: str) -> None:
    assert classed(fold(one)) == classed(fold(other))


@pytest.mark.parametrize(("one", "other"), [("B", "D"), ("3", "8"), ("M", "N"), ("6", "9"), ("rn", "m")])
def test_what_readers_tell_apart_stays_apart(one: str, other: str) -> None:
    assert classed(fold(one)) != classed(fold(other))


def test_a_stroke_is_read_as_a_letter() -> None:
    assert classed("".join(words(readable("A|B")))) == classed("alb")


@given(st.text(max_size=30))
def test_classes_keep_the_length(text: str) -> None:
    assert len(classed(text)) == len(text)


@given(PLATE, st.data())
def test_every_part_of_three_characters_and_more_has_its_trigrams_in_the_line(
    plate: str, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(plate) - 1))
    last = data.draw(st.integers(first + 1, len(plate)))
    part = fold(plate[first:last])
    assert set(inner(part)) <= string_terms([fold(plate)])
    assert set(inner(part)) <= string_terms([fold(plate[:first]), fold(plate[first:])])  # a space more


@given(PLATE, st.data())
def test_every_part_of_two_characters_begins_some_trigram(plate: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, max(0, len(plate) - 2)))
    part = classed(fold(plate[first : first + 2]))
    assert any(gram.startswith(part) for gram in string_terms([fold(plate)])) or len(part) == 1


def test_a_string_of_one_character_has_a_term_of_its_own() -> None:
    assert string_terms(["k"]) == {"^k$"}
    assert string_terms(words("東京")) >= {"東京$", "^東京", "^東$"}
