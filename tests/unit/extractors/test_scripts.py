"""Which script a line is written in."""

from __future__ import annotations

import pytest

from heimdex.extractors.scripts import script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Straße nach München", "Latn"),
        ("ＦＵＬＬ ＷＩＤＴＨ", "Latn"),
        ("12:45 — 99%", "Zyyy"),
        ("", "Zyyy"),
        ("出口", "Hani"),
        ("出口へ", "Jpan"),
        ("ｶﾀｶﾅ", "Jpan"),
        ("東京都港区芝公園の", "Jpan"),
        ("서울 特別市", "Hang"),
        ("Привет, мир 24", "Cyrl"),
        ("Έξοδος", "Grek"),
        ("مرحبا", "Arab"),
        ("שלום", "Hebr"),
        ("TV 東京", "Latn"),  # as many letters of each: the choice is the same every time
    ],
)
def test_a_line_has_the_script_of_most_of_its_letters(text: str, script: str) -> None:
    assert script_of(text) == script
