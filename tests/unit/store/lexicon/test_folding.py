from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heimdex.store.lexicon.folding import fold
from heimdex.store.lexicon.words import compounds, pairs, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Über", "uber"),
        ("Straße", "STRASSE"),
        ("naïve café", "naive cafe"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("ﬁlm №5", "film no5"),
        ("カタカナ", "かたかな"),
        ("ｶﾀｶﾅ ｶﾞ", "かたかな が"),
        ("Ελλάδα", "ελλαδα"),
        ("Ёлка", "елка"),
        ("שָׁלוֹם", "שלום"),
        ("İstanbul", "istanbul"),
        ("Łódź Ørsted", "lodz orsted"),
        ("e\u0301", "é"),
    ],
)
def test_spellings_of_the_same_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("が", "か"), ("й", "и"), ("हिन्दी", "हनद"), ("ไทย", "ไท"), ("한글", "한그"), ("a", "b")],
)
def test_what_is_another_letter_stays_one(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@example("0\u0e31")  # a vowel sign that has no letter to stand on
@example("ก\u0e31น")
@example("0\u3099")
@example("\u02bc")
@example("\U00020000\u0300a")
@given(st.text(max_size=40))
def test_folding_again_changes_nothing_in_the_words(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    assert all(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't rock’n’roll, O'Brien's!", ["dont", "rocknroll", "obriens"]),
        ("L'homme qu’il d'accord dell'arte", ["l", "homme", "quil", "d", "accord", "dell", "arte"]),
        ("well-known e-mail", ["well", "known", "e", "mail"]),
        ("at 10:30, 3.5 km", ["at", "10", "30", "3", "5", "km"]),
        ("東京タワー2", ["東", "京", "た", "わ", "ー", "2"]),
        ("iPhoneを買う", ["iphone", "を", "買", "う"]),
        ("학교에서", ["학", "교", "에", "서"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("snake_case", ["snake", "case"]),
        ("zero\u200bwidth so\u00adft", ["zerowidth", "soft"]),
        ("🎉 … !!! \ud800", []),
        ("", []),
        ("x" * 300, ["x" * 64]),
    ],
)
def test_words_are_cut_as_people_mean_them(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_a_hyphenated_word_is_one_word_as_well() -> None:
    assert compounds("A well-known e-mail - and T‑shirt, 東-京") == ["wellknown", "email", "tshirt"]
    assert compounds("no such thing") == []


def test_pairs_join_neighbouring_characters_only() -> None:
    assert pairs(words("東京 tower タワ")) == ["東京", "たわ"]
    assert pairs(words("no such thing")) == []
