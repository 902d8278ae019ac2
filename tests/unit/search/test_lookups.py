from __future__ import annotations

from collections.abc import Sequence

import pytest

from heimdex.search.lookups import beginning_of, of_string, of_words, terms_of_string
from heimdex.search.vocabulary import Vocabulary, units
from heimdex.store.lexicon.postings import LookUp
from heimdex.store.lexicon.texts import Channel
from heimdex.store.lexicon.words import words

SAID = Channel.SAID


def known(counts: dict[str, int], *, stop: str = "", **stems: str) -> Vocabulary:
    return Vocabulary(
        stems={word: frozenset([word, stem]) for word, stem in stems.items()},
        counts=counts,
        stop=frozenset(stop.split()),
        scenes=1000,
    )


def terms(found: Sequence[LookUp]) -> list[str]:
    return [term for look_up in found for term, _, _ in look_up.terms]


def test_the_rarest_words_are_looked_up() -> None:
    vocabulary = known({"sea": 50, "old": 900, "boat": 10, "blue": 80, "and": 990})
    assert terms(of_words(SAID, vocabulary, words("and old blue boat sea"), quoted=False)) == [
        "boat",
        "sea",
        "blue",
        "old",
    ]


def test_the_rarest_word_weighs_most() -> None:
    vocabulary = known({"sea": 50, "old": 900, "boat": 10})
    (found,) = of_words(SAID, vocabulary, words("old boat sea"), quoted=False)
    weights = [weight for _, weight, _ in found.terms]
    assert weights == sorted(weights, reverse=True)


def test_what_has_to_be_there_is_looked_for_more_deeply() -> None:
    vocabulary = known({"sea": 5000})
    depths = [of_words(SAID, vocabulary, ["sea"], quoted=quoted)[0].terms[0][2] for quoted in (False, True)]
    assert depths[0] < depths[1]


def test_words_that_stand_nowhere_are_not_looked_up() -> None:
    assert terms(of_words(SAID, known({"sea": 5}), ["sea", "giraffe"], quoted=False)) == ["sea"]
    assert of_words(SAID, known({}), ["giraffe"], quoted=False) == []


def test_a_word_is_looked_up_by_each_of_its_stems() -> None:
    vocabulary = known({"run": 40, "running": 2, "dog": 9}, running="run", dogs="dog")
    assert terms(of_words(SAID, vocabulary, ["running", "dogs"], quoted=False)) == ["dog", "run", "running"]


def test_stop_words_are_looked_up_by_the_pairs_they_stand_in() -> None:
    vocabulary = known({"who are": 7, "are you": 3}, stop="who are you")
    assert terms(of_words(SAID, vocabulary, ["who", "are", "you"], quoted=True)) == ["are you", "who are"]
    assert of_words(SAID, vocabulary, ["you"], quoted=True) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("red car", ["red", "car"]),
        ("東京タワー", ["東京", "京た", "たわ", "わー"]),
        ("東", ["東"]),
        ("東京 tower 東京", ["東京", "tower"]),
        ("", []),
    ],
)
def test_scripts_without_spaces_are_asked_for_in_pairs(text: str, found: list[str]) -> None:
    assert units(words(text)) == found


def test_a_string_is_looked_up_by_its_rarest_trigrams() -> None:
    counted = {"ko1": 3, "olo": 500, "los": 40, "osx": 2, "sxx": 90}
    assert terms(of_string(counted, quoted=True, nearly=False)) == ["osx"]
    assert terms(of_string(counted, quoted=True, nearly=True)) == ["osx", "ko1", "los", "sxx"]
    assert terms(of_string({"the": 900, "hea": 800, "ead": 850}, quoted=True, nearly=False)) == ["hea", "ead"]


def test_a_string_with_an_unknown_trigram_is_only_nearly_there() -> None:
    counted = {"ko1": 3, "olo": 0, "los": 40}
    assert of_string(counted, quoted=True, nearly=False) == []
    assert terms(of_string(counted, quoted=True, nearly=True)) == ["ko1", "los"]
    assert of_string({"ko1": 0}, quoted=True, nearly=True) == []


def test_a_word_by_itself_is_looked_up_as_one() -> None:
    assert terms_of_string(["exit"], by_itself=True) == ["^exlt$"]
    assert terms_of_string(["exit"], by_itself=False) == ["exl", "xlt"]
    assert beginning_of(["10"]) == "lo"


def test_rare_words_weigh_more_and_none_weighs_nothing() -> None:
    vocabulary = known({"sea": 50, "old": 1000}, stop="the")
    weights = [vocabulary.word(text).weight for text in ("giraffe", "sea", "old", "the")]
    assert weights == sorted(weights, reverse=True)
    assert weights[2] > 0
    assert weights[3] == 0
