"""What is looked up for a query: the rarest of its terms. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heimdex.search.vocabulary import Vocabulary, units
from heimdex.store.lexicon.confusables import classed
from heimdex.store.lexicon.grams import inner, whole
from heimdex.store.lexicon.postings import LookUp
from heimdex.store.lexicon.terms import stop_pairs
from heimdex.store.lexicon.texts import Channel

TERMS = 4  # the rarest, that are looked up
FORMS = 2  # of a word that are looked up: its most frequent stems
RARE = 300  # scenes; a term no more frequent is looked at to the end
DEPTH = 200  # assets looked at for any other term of a query in any order
QUOTED_DEPTH = 3_000  # … of what has to be there


def of_words(channel: Channel, known: Vocabulary, words: Sequence[str], *, quoted: bool) -> list[LookUp]:
    """The look-up for words, given as they were folded; none where none of them stands anywhere."""
    asked = [unit for unit in units(words) if unit not in known.stop]
    forms = [known.terms(unit)[:FORMS] for unit in asked]
    # Stop words are found by the pairs they stand in; without any, not at all.
    beside = stop_pairs(words, [word in known.stop for word in words])
    found = [form for form in [*forms, *([pair] for pair in beside if known.counts.get(pair))] if form]
    found.sort(key=lambda terms: sum(known.counts[term] for term in terms))
    terms = [term for each in found[:TERMS] for term in each]
    return _look_ups(channel, {t: (known.weight([t]), known.counts[t]) for t in terms}, quoted=quoted)


def of_string(counted: Mapping[str, int], *, quoted: bool, nearly: bool) -> list[LookUp]:
    """The look-up for a string, from its terms and in how many scenes each stands.

    `nearly`: some of them may be wrong; otherwise one that stands nowhere rules the string out, and a rare
    one is enough.
    """
    held = sorted((term for term, count in counted.items() if count), key=lambda term: (counted[term], term))
    if not held or (len(held) < len(counted) and not nearly):
        return []
    terms = held[: TERMS if nearly else 1 if counted[held[0]] <= RARE else 2]
    return _look_ups(Channel.WRITTEN, {term: (1.0, counted[term]) for term in terms}, quoted=quoted)


def _look_ups(channel: Channel, terms: Mapping[str, tuple[float, int]], *, quoted: bool) -> list[LookUp]:
    """One look-up from each term's weight and count, or none."""
    if not terms:
        return []
    common = QUOTED_DEPTH if quoted else DEPTH
    return [
        LookUp(
            channel=channel,
            terms=tuple(
                (term, weight, max(common, RARE) if count <= RARE else common)
                for term, (weight, count) in terms.items()
            ),
        )
    ]


def terms_of_string(words: Sequence[str], *, by_itself: bool) -> list[str]:
    """The terms that every line with this string has; `by_itself`: it is a word there, no part of one."""
    return [whole(words[0])] if by_itself and len(words) == 1 else inner("".join(words))


def beginning_of(words: Sequence[str]) -> str:
    """With what some trigram of every line that holds a string of up to two characters begins."""
    return classed("".join(words))
