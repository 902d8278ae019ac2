from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.search.wording import AskedWord, Phrasing, Wording, sentence_of

STOP = frozenset("the a of to for not what you your can do".split())
STEMS = {"dogs": "dog", "running": "run", "runs": "run", "countries": "country", "cars": "car"}


def stemmed(text: str) -> str:
    return "\n".join(" ".join(STEMS.get(word, word) for word in line.split()) for line in text.split("\n"))


def asked(text: str, **weights: float) -> list[AskedWord]:
    return [
        AskedWord(
            text=word,
            stems=frozenset([word, STEMS.get(word, word)]),
            weight=weights.get(word, 0.0 if word in STOP else 2.0),
        )
        for word in text.split()
    ]


def scored(query: str, text: str, **weights: float) -> float | None:
    found = Wording(asked(query, **weights)).score(text, stemmed(text))
    return None if found is None else found.raw


@pytest.mark.parametrize(
    ("query", "text", "raw"),
    [
        ("red car", "a red car", 1.0),
        ("car", "a red car", 1.0),
        ("red car", "a car", 0.5),
        ("red car", "red\ncar", 1.0),  # over two sentences
        ("cars", "a red car", 0.9),
        ("dogs running", "dog runs", 0.9),
        ("the car", "the dog", None),
        ("car of the year", "car of the year", 1.0),
        ("email", "an e mail address", 0.9),
        ("東京", "東 京 た わ", 1.0),
        ("東京", "京 東", None),
    ],
)
def test_words_score_by_how_much_of_them_is_there(query: str, text: str, raw: float | None) -> None:
    assert scored(query, text) == (raw if raw is None else pytest.approx(raw))


def test_a_rare_word_counts_for_more() -> None:
    assert scored("old zebra", "a zebra", zebra=6.0) == pytest.approx(0.75)
    assert scored("old zebra", "an old", zebra=6.0) == pytest.approx(0.25)


def test_order_and_nearness_count() -> None:
    texts = ["red car", "car red", "red old old old car", "car then very much later red"]
    raws = [scored("red car", text) for text in texts]
    assert raws == sorted(raws, key=lambda raw: -(raw or 0))
    assert len(set(raws)) == len(raws)


def test_the_tightest_place_is_told() -> None:
    text = "red x x x x car red car"
    found = Wording(asked("red car")).score(text, text)
    assert found is not None
    assert found.places in ((5, 6), (6, 7))


JFK = "ask not what your country can do for you\nask what you can do for your country"


def phrase(query: str, text: str, *, nearly: bool = True) -> tuple[float, bool, tuple[int, ...]] | None:
    found = Phrasing(asked(query), nearly=nearly).score(text, stemmed(text))
    return None if found is None else (found.raw, found.approximate, found.places)


def test_a_phrase_to_the_letter_is_one() -> None:
    assert phrase("your country can do", JFK) == (1.0, False, (3, 4, 5, 6))
    assert phrase("for you ask what", JFK) == (1.0, False, (7, 8, 9, 10))  # over two sentences
    assert phrase("country", JFK) == (1.0, False, (4,))


@pytest.mark.parametrize(
    "query",
    [
        "ask what your country should do for you",
        "ask not what the countries can do for you",
        "ask your country can do",
        "never ask not what country",
    ],
)
def test_most_of_the_words_in_order_are_nearly_the_phrase(query: str) -> None:
    found = phrase(query, JFK)
    assert found is not None
    raw, approximate, places = found
    assert approximate
    assert 0.8 * 0.6 <= raw <= 0.8
    assert list(places) == sorted(places)


@pytest.mark.parametrize(
    "query",
    [
        "ask x x x x country",  # too few
        "what the zebra can do for",  # only what stands in every sentence
        "zebra",
        "ask zebra",
        "our",  # a part of a word
    ],
)
def test_what_is_not_nearly_the_phrase_is_not_found(query: str) -> None:
    assert phrase(query, JFK) is None


def test_words_in_another_order_are_no_phrase() -> None:
    assert phrase("five four three two one", "one two three four five") is None


def test_words_far_apart_are_no_phrase() -> None:
    text = "ask " + "x " * 20 + "not " + "x " * 20 + "country"
    assert phrase("ask not country", text.strip()) is None


def test_only_what_is_heard_may_be_nearly_right() -> None:
    assert phrase("ask what your country should do", JFK, nearly=False) is None


TOKENS = st.lists(st.sampled_from("a red car dog x the 東 京".split()), min_size=1, max_size=12)


@given(TOKENS, TOKENS)
def test_scores_lie_between_nothing_and_one_and_places_inside_the_text(
    query: list[str], text: list[str]
) -> None:
    line = " ".join(text)
    distinct = list(dict.fromkeys(query))
    for scorer in (Wording(asked(" ".join(distinct))), Phrasing(asked(" ".join(query)), nearly=True)):
        found = scorer.score(line, line)
        if found is not None:
            assert 0 < found.raw <= 1
            assert all(0 <= place < len(text) for place in found.places)


@given(TOKENS, TOKENS, TOKENS)
def test_a_phrase_is_found_wherever_it_stands(query: list[str], before: list[str], after: list[str]) -> None:
    line = " ".join([*before, *query, *after])
    found = Phrasing(asked(" ".join(query)), nearly=False).score(line, line)
    assert found is not None
    assert [line.split()[place] for place in found.places] == query


def test_a_place_is_told_by_sentence_and_word() -> None:
    assert [sentence_of("a b\nc\nd e", place) for place in range(5)] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (2, 0),
        (2, 1),
    ]
