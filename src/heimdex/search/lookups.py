"""What is looked up for a query: the rarest of its terms, together first, then fewer of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from heimdex.search.vocabulary import Vocabulary, units
from heimdex.store.lexicon.confusables import classed
from heimdex.store.lexicon.grams import FIRST, LAST, inner, windows
from heimdex.store.lexicon.postings import LookUp
from heimdex.store.lexicon.terms import stop_pairs
from heimdex.store.lexicon.texts import Channel

FORMS = 2  # of a word that are looked up: its most frequent stems
# Which of the terms, the rarest being 0, are looked up together.
_TOGETHER: dict[int, tuple[tuple[int, ...], ...]] = {
    0: (),
    1: ((0,),),
    2: ((0, 1), (0,), (1,)),
    3: ((0, 1, 2), (0, 1), (0, 2), (1, 2), (0,)),
}


def of_words(channel: Channel, known: Vocabulary, words: Sequence[str]) -> list[LookUp]:
    """The look-ups for words in any order, given as they were folded."""
    asked = [unit for unit in units(words) if unit not in known.stop]
    forms = [known.terms(unit)[:FORMS] for unit in asked]
    found = [form for form in forms if form]
    # Stop words are found by the pairs they stand in; without any, not at all.
    beside = [pair for pair in stop_pairs(words, [w in known.stop for w in words]) if known.counts.get(pair)]
    found += [[pair] for pair in beside]
    found.sort(key=lambda terms: sum(known.counts[term] for term in terms))
    return [
        LookUp(channel=channel, terms=terms)
        for places in _TOGETHER[min(3, len(found))]
        for terms in product(*(found[place] for place in places))
    ]


def of_string(counted: Mapping[str, int], *, nearly: bool) -> list[LookUp]:
    """The look-ups for a string, from its trigrams and in how many scenes each stands.

    `nearly`: some trigrams may be wrong, so fewer of them are looked up as well.
    """
    held = sorted((gram for gram, count in counted.items() if count), key=lambda gram: (counted[gram], gram))
    if len(held) < len(counted) and not nearly:
        return []
    together = _TOGETHER[min(3, len(held))]
    return [
        LookUp(channel=Channel.WRITTEN, terms=tuple(held[place] for place in places))
        for places in (together if nearly else together[:1])
    ]


def string_terms(words: Sequence[str], *, whole: bool) -> list[str]:
    """The trigrams that every line with this string has."""
    text = "".join(words)
    if whole and len(words) == 1:
        return list(dict.fromkeys(windows(FIRST + classed(text) + LAST)))
    return inner(text)


def beginning_of(words: Sequence[str]) -> str:
    """With what some trigram of every line that holds a string of up to two characters begins."""
    return classed("".join(words))
