"""A query's words as they are looked for: folded, with their stems, weighed by how rare they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.search.lexical_figures import LexicalFigures
from heimdex.search.wording import AskedWord
from heimdex.store.lexicon.stems import DICTIONARIES
from heimdex.store.lexicon.terms import stop_pairs
from heimdex.store.lexicon.texts import Channel
from heimdex.store.lexicon.words import is_gram


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """The words of a query in one channel: their stems, their terms' counts, which of them are stop words."""

    stems: Mapping[str, frozenset[str]]
    counts: Mapping[str, int]  # scenes, by term
    stop: frozenset[str]
    scenes: int  # in all

    def word(self, text: str) -> AskedWord:
        """A folded word, or a pair of characters, as it is looked for."""
        stems = self.stems.get(text, frozenset([text]))
        return AskedWord(text=text, stems=stems, weight=0.0 if text in self.stop else self.weight(stems))

    def weight(self, terms: Iterable[str]) -> float:
        """Inverse document frequency, ln(1 + N / n), of what stands under any of these terms.

        Never 0: in a library of one film every word may stand in every scene, and is still asked for.
        """
        count = sum(self.counts.get(term, 0) for term in terms)
        return math.log(1 + max(self.scenes, count, 1) / max(count, 0.5))

    def terms(self, text: str) -> list[str]:
        """The terms under which a word stands anywhere, the most frequent first."""
        found = [term for term in self.stems.get(text, (text,)) if self.counts.get(term, 0)]
        return sorted(found, key=lambda term: -self.counts[term])


def units(words: Sequence[str]) -> list[str]:
    """Words as they are asked for: runs of single characters become pairs, a single one stays."""
    found: list[str] = []
    place = 0
    while place < len(words):
        end = place
        while end < len(words) and is_gram(words[end]):
            end += 1
        if end - place >= 2:
            found += [words[at] + words[at + 1] for at in range(place, end - 1)]
        else:
            found.append(words[place])
        place = max(end, place + 1)
    return list(dict.fromkeys(found))


def vocabularies(
    connection: Connection[Any], figures: LexicalFigures, words: Sequence[str]
) -> dict[Channel, Vocabulary]:
    """What is known of a query's words, said and described."""
    beside = stop_pairs(words, [True] * len(words))
    words = list(dict.fromkeys(words))
    by_language = figures.stems(connection, words)
    stems = {word: frozenset([word, *filter(None, by_language[word].values())]) for word in words}
    terms = {term for each in stems.values() for term in each} | set(beside)
    channels = (Channel.SAID, Channel.DESCRIBED)
    counted = figures.counts(connection, [(channel, term) for channel in channels for term in terms])
    in_all = {word: sum(counted[c, stem] for c in channels for stem in stems[word]) for word in words}
    stop = _stop_words(by_language, in_all)
    scenes = figures.scenes(connection)
    return {
        channel: Vocabulary(
            stems=stems, counts={term: counted[channel, term] for term in terms}, stop=stop, scenes=scenes
        )
        for channel in channels
    }


def _stop_words(
    by_language: Mapping[str, Mapping[str, str | None]], counts: Mapping[str, int]
) -> frozenset[str]:
    """The stop words of the language that the query is in, as far as can be told from the library.

    `car` is a stop word in French, `dog` and `man` in Danish: a language that leaves words over which nobody
    here says is not the query's. Of those left over, the mean logarithm of their counts decides.
    """
    best: tuple[float, frozenset[str]] | None = None
    all_stop: frozenset[str] = frozenset()
    for language in sorted({name for each in by_language.values() for name in each} & DICTIONARIES.keys()):
        stop = frozenset(word for word, stems in by_language.items() if stems.get(language) is None)
        left = [math.log1p(counts[word]) for word in by_language if word not in stop]
        if not left:
            all_stop = stop
        elif best is None or (sum(left) / len(left), len(stop)) > (best[0], len(best[1])):
            best = sum(left) / len(left), stop
    return best[1] if best and (best[0] > 0 or not all_stop) else all_stop
