"""How well a query's words stand in a text. Pure: the text comes folded, the stem of each word beside it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from heimdex.store.lexicon.words import is_pair

STEM_VALUE = 0.9  # of a word found in another form
SHARE_PART, CLOSE_PART, ORDER_PART = 0.7, 0.2, 0.1  # of a score: which words, how near, in which order
LEAST_SHARE = 0.6  # of a phrase's words, in order, and of their weight
LEAST_WEIGHT = 0.3  # of its weight: words that are in every sentence are not enough
NEARLY = 0.8  # what a phrase is worth at most that is not there to the letter
SHORTEST_JOINED = 5  # characters of a word that may be written as two
SPARE_WORDS = 2  # a phrase may be spread over half as many words again, and so many


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedWord:
    """A folded word of a query. A pair of characters counts as a word where a script has no spaces."""

    text: str
    stems: frozenset[str]  # any of these in a text is this word
    weight: float  # by rarity; 0 for a stop word


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Where in a text something was found. Places count the text's words from 0."""

    raw: float  # 0-1
    places: tuple[int, ...]
    approximate: bool = False


class Wording:
    """Words in no order. One that is there whole, in order and side by side, scores 1."""

    def __init__(self, asked: Sequence[AskedWord]) -> None:
        self.asked = asked
        self.weight = sum(word.weight for word in asked)
        self._by_stem: dict[str, int] = {}
        for number, word in enumerate(asked):
            for stem in (*word.stems, word.text) if word.weight > 0 else ():
                self._by_stem.setdefault(stem, number)
        self._stems = frozenset(self._by_stem)
        self.signs = tuple(self._by_stem)  # a scene whose stems and words hold none of these has none of it
        self._has_pairs = any(is_pair(word.text) for word in asked)
        self._joined = [w.text for w in asked if len(w.text) >= SHORTEST_JOINED and w.text.isascii()]

    def score(self, words: str, stems: str) -> Found | None:
        """Where the words stand: the share of their weight, how near together and in which order."""
        tokens = stems.split()
        by_stem = self._by_stem
        hits: list[tuple[int, int]] = []
        if not self._stems.isdisjoint(tokens):  # most scenes that are looked at hold none of them
            hits = [(place, by_stem[token]) for place, token in enumerate(tokens) if token in by_stem]
        if self._has_pairs or self._is_divided(words):
            pairs = map("".join, pairwise(words.split()))
            hits += [(place, by_stem[pair]) for place, pair in enumerate(pairs) if pair in by_stem]
            hits.sort()
        if not hits:
            return None
        exact = words.split()
        share = sum(
            self.asked[number].weight * self._form_value(number, hits, exact)
            for number in {number for _, number in hits}
        )
        window: Sequence[tuple[int, int]] = hits
        near = order = 1.0  # a single word is near to itself, and in order
        if len(hits) > 1:
            window = _tightest(hits)
            near = (1 + max(n for _, n in window) - min(n for _, n in window)) / (
                1 + window[-1][0] - window[0][0]
            )
            order = _in_order([number for _, number in window])
        raw = share / self.weight * (SHARE_PART + CLOSE_PART * min(1.0, near) + ORDER_PART * order)
        return Found(raw=min(1.0, round(raw, 6)), places=tuple(place for place, _ in window))

    def _is_divided(self, words: str) -> bool:
        """Whether a word may stand there as two, as `e-mail` does for `email`."""
        if not self._joined:
            return False
        squeezed = words.replace(" ", "")
        return any(text in squeezed and text not in words for text in self._joined)

    def _form_value(self, number: int, hits: Sequence[tuple[int, int]], exact: Sequence[str]) -> float:
        text = self.asked[number].text
        if is_pair(text):
            return 1.0
        return 1.0 if any(n == number and exact[place] == text for place, n in hits) else STEM_VALUE


class Phrasing:
    """Words to the letter and in their order: 1 where they are so, less where they nearly are, if asked."""

    def __init__(self, asked: Sequence[AskedWord], *, nearly: bool) -> None:
        self.asked = asked
        self.weight = sum(word.weight for word in asked)
        self._text = " ".join(word.text for word in asked)
        self._nearly = nearly and len(asked) > 1
        self._least = max(2, math.ceil(LEAST_SHARE * len(asked)))
        self._window = len(asked) + len(asked) // 2 + SPARE_WORDS
        self._numbers: dict[str, list[int]] = {}  # the last first, so that one word fills one place
        for number in reversed(range(len(asked))):
            for stem in {*asked[number].stems, asked[number].text}:
                self._numbers.setdefault(stem, []).append(number)
        self.signs = tuple(self._numbers)

    def score(self, words: str, stems: str) -> Found | None:
        """Where the phrase stands to the letter; else where most of its words stand in order, and near."""
        flat = f" {words} ".replace("\n", " ")
        at = flat.find(f" {self._text} ")
        if at >= 0:
            first = flat.count(" ", 0, at)
            return Found(raw=1.0, places=tuple(range(first, first + len(self.asked))))
        return self._score_nearly(stems.split()) if self._nearly else None

    def _score_nearly(self, tokens: Sequence[str]) -> Found | None:
        hits = [(place, self._numbers[token]) for place, token in enumerate(tokens) if token in self._numbers]
        best: Found | None = None
        for first in range(len(hits) - self._least + 1):
            until = hits[first][0] + self._window
            last = bisect_left(hits, until, lo=first, key=lambda hit: hit[0])
            if last - first < self._least:
                continue
            chain = _longest_rise(hits[first:last])
            weight = sum(self.asked[number].weight for _, number in chain)
            if len(chain) < self._least or weight < LEAST_WEIGHT * self.weight:
                continue
            raw = NEARLY * len(chain) / len(self.asked)
            if best is None or raw > best.raw:
                best = Found(raw=raw, places=tuple(place for place, _ in chain), approximate=True)
        return best


def sentence_of(words: str, place: int) -> tuple[int, int]:
    """(number of the line, word within it) of a word of a text."""
    lines = words.split("\n")
    for number, line in enumerate(lines):
        count = len(line.split())
        if place < count:
            return number, place
        place -= count
    return len(lines) - 1, 0


def _tightest(hits: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """The shortest run of (place, number) that has every number there is."""
    wanted = len({number for _, number in hits})
    if wanted == 1:
        return hits[:1]
    counts: dict[int, int] = {}
    best = hits
    first = 0
    for last, (_, number) in enumerate(hits):
        counts[number] = counts.get(number, 0) + 1
        while counts[hits[first][1]] > 1:
            counts[hits[first][1]] -= 1
            first += 1
        if len(counts) == wanted and hits[last][0] - hits[first][0] < best[-1][0] - best[0][0]:
            best = hits[first : last + 1]
    return best


def _in_order(numbers: Sequence[int]) -> float:
    """The share of neighbours that rise; 1 for a single one."""
    steps = list(pairwise(numbers))
    return sum(one < other for one, other in steps) / len(steps) if steps else 1.0


def _longest_rise(hits: Iterable[tuple[int, Sequence[int]]]) -> list[tuple[int, int]]:
    """The longest chain of (place, number) whose numbers rise with the places.

    A longest increasing subsequence over each place's numbers, the highest first (Hunt and Szymanski 1977).
    """
    tails: list[int] = []
    chains: list[tuple[int, int, int]] = []  # place, number, the link before
    ends: list[int] = []  # which link ends the best chain of each length
    for place, numbers in hits:
        for number in numbers:
            length = bisect_left(tails, number)
            chains.append((place, number, ends[length - 1] if length else -1))
            if length == len(tails):
                tails.append(number)
                ends.append(len(chains) - 1)
            else:
                tails[length] = number
                ends[length] = len(chains) - 1
    found: list[tuple[int, int]] = []
    link = ends[-1] if ends else -1
    while link >= 0:
        place, number, link = chains[link]
        found.append((place, number))
    return found[::-1]
