"""What is looked up for a query: the rarest of its terms. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heimdex.search.vocabulary import Vocabulary, units
from heimdex.store.lexicon.confusables import classed
from heimdex.store.lexicon.grams import FIRST, LAST, inner, windows
from heimdex.store.lexicon.postings import LookUp
from heimdex.store.lexicon.terms import stop_pairs
from heimdex.store.lexicon.texts import Channel

TERMS = 4  # the rarest, that are looked up
FORMS = 2  # of a word that are looked up: its most frequent stems
DEPTH = 500  # assets looked at for each term of a query in any order
QUOTED_DEPTH = 3_000  # … of what has to be there


def of_words(channel: Channel, known: Vocabulary, words: Sequence[str], *, quoted: bool) -> list[LookUp]:
    """The look-up for words, given as they were folded; none where none of them stands anywhere."""
    asked = [unit for unit in units(words) if unit not in known.stop]
    forms = [known.terms(unit)[:FORMS] for unit in asked]
    # Stop words are found by the pairs they stand in; without any, not at all.
    beside = stop_pairs(words, [word in known.stop for word in words])
    found = [form for form in [*forms, *([pair] for pair in beside if known.counts.get(pair))] if form]
    found.sort(key=lambda terms: sum(known.counts[term] for term in terms))
    weighted = {term: known.weight([term]) for terms in found[:TERMS] for term in terms}
    return _look_ups(channel, weighted, quoted=quoted)


def of_string(counted: Mapping[str, int], *, quoted: bool, nearly: bool) -> list[LookUp]:
    """The look-up for a string, from its trigrams and in how many scenes each stands.

    `nearly`: some trigrams may be wrong; otherwise one that stands nowhere rules the string out.
    """
    held = sorted((gram for gram, count in counted.items() if count), key=lambda gram: (counted[gram], gram))
    if len(held) < len(counted) and not nearly:
        return []
    return _look_ups(Channel.WRITTEN, dict.fromkeys(held[:TERMS], 1.0), quoted=quoted)


def _look_ups(channel: Channel, weighted: Mapping[str, float], *, quoted: bool) -> list[LookUp]:
    if not weighted:
        return []
    depth = QUOTED_DEPTH if quoted else DEPTH
    return [LookUp(channel=channel, terms=tuple(weighted.items()), depth=depth)]


def string_terms(words: Sequence[str], *, whole: bool) -> list[str]:
    """The trigrams that every line with this string has."""
    text = "".join(words)
    if whole and len(words) == 1:
        return list(dict.fromkeys(windows(FIRST + classed(text) + LAST)))
    return inner(text)


def beginning_of(words: Sequence[str]) -> str:
    """With what some trigram of every line that holds a string of up to two characters begins."""
    return classed("".join(words))
