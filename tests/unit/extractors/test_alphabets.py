"""Whose reading of a line counts, and lines that are written to the left."""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdex.extractors.alphabets import Alphabet, LineReading, is_settled, logical, whose
from heimdex.extractors.scripts import holds


def alphabet(script: str) -> Alphabet:
    return Alphabet(name=script, script=script, folder=Path(), graph="g", dictionary="d")


def reading(text: str, confidence: float) -> LineReading:
    return LineReading(text=text, confidence=confidence)


@pytest.mark.parametrize(
    ("text", "script", "wanted"),
    [
        ("갤럭시 S24", "Hang", True),
        ("Samsung 갤럭시", "Hang", True),
        ("문", "Hang", True),
        ("문 open", "Hang", True),
        ("Gate 12", "Hang", False),
        ("РЕСТОРАН", "Cyrl", True),
        ("Gаte", "Cyrl", False),  # one Cyrillic letter among Latin ones
        ("в open", "Cyrl", False),  # a single letter beside others
        ("Я", "Cyrl", True),
        ("17:45", "Arab", False),
        ("ทางออก", "Thai", True),
    ],
)
def test_a_word_in_one_script_is_told_from_a_stray_letter(text: str, script: str, wanted: bool) -> None:
    assert holds(text, script) is wanted


@pytest.mark.parametrize(
    ("shipped", "other", "wanted"),
    [
        (reading("PECTOPAH", 0.97), ("Cyrl", reading("РЕСТОРАН", 0.93)), "РЕСТОРАН"),
        (reading("PECTOPAH", 0.97), ("Cyrl", reading("РЕСТОРАН", 0.8)), "PECTOPAH"),
        (reading("Gate 12", 0.97), ("Cyrl", reading("Gate 12", 0.99)), "Gate 12"),
        (reading("Straße", 0.9), ("Hang", reading("Strabe", 0.99)), "Straße"),
        (reading("", 0.0), ("Hang", reading("출구", 0.6)), "출구"),
        (reading("", 0.98), ("Cyrl", reading("НЕТ ВЫХОДА", 0.7)), "НЕТ ВЫХОДА"),  # nothing, read surely
    ],
)
def test_a_recogniser_is_heard_in_its_own_alphabet_if_it_is_about_as_sure(
    shipped: LineReading, other: tuple[str, LineReading], wanted: str
) -> None:
    script, said = other
    assert whose(shipped, [(alphabet(script), said)]).text == wanted


def test_of_several_the_surest_counts() -> None:
    others = [(alphabet("Hang"), reading("가나", 0.7)), (alphabet("Thai"), reading("ทาง", 0.8))]
    assert whose(reading("?", 0.2), others).text == "ทาง"


def test_only_what_cannot_be_taken_for_another_alphabet_is_settled() -> None:
    assert is_settled(reading("出口", 0.95))
    assert not is_settled(reading("出口", 0.8))
    assert not is_settled(reading("PECTOPAH", 0.99))
    assert not is_settled(reading("17:45", 0.99))


@pytest.mark.parametrize(
    ("spoken", "seen"),
    [
        ("سلام", "مالس"),
        ("خروج 12", "12 جورخ"),
        ("باب 17:45 مفتوح", "حوتفم 17:45 باب"),
        ("من Gate One إلى", "ىلإ Gate One نم"),
        ("باب Gate 12 مفتوح", "حوتفم Gate 12 باب"),
        ("باب (12) مفتوح", "حوتفم (12) باب"),
        ("שלום", "םולש"),
    ],
)
def test_a_line_written_to_the_left_comes_in_the_order_it_is_spoken(spoken: str, seen: str) -> None:
    assert logical(seen) == spoken


def test_marks_stay_with_their_letters() -> None:
    assert logical("\u0628\u064e\u0627") == "\u0627\u0628\u064e"
