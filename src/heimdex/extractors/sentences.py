"""Words with times become sentences. Pure.

A sentence ends at its punctuation; at a pause, where there is no punctuation to go by; and where it grows too
long. It never ends inside a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from heimdex.entities import Utterance, Word
from heimdex.extractors.endings import CLAUSE_END, ends_sentence, has_ending

PAUSE_US = 600_000  # ends a sentence of words without punctuation
LONG_PAUSE_US = 2_000_000  # ends a sentence that has punctuation, too
JOINED_PAUSE_US = 1_500_000  # over which one or two words without punctuation are joined to what is nearer
FRAGMENT = 3  # words; fewer are no sentence where there is no punctuation
LONGEST_US = 20_000_000
LONGEST_CHARACTERS = 320
WORDS_AN_END = 60  # with fewer ends of sentences than one in so many words, a text is not punctuated


@dataclass(frozen=True, kw_only=True, slots=True)
class _Style:
    """What ends a sentence in a text."""

    punctuated: bool
    language: str | None

    @property
    def pause_us(self) -> int:
        return LONG_PAUSE_US if self.punctuated else PAUSE_US


def sentences(words: Iterable[Word], language: str | None = None, *, first: int = 0) -> list[Utterance]:
    """The sentences of a recogniser's words, in order of time; positions count from `first`.

    A word whose text begins with a space is set apart from the one before, as `Passage` says. The times of a
    sentence are those of its first and last word.
    """
    ordered = sorted((word for word in words if word.text.strip()), key=lambda word: word.start_us)
    return [
        utterance(group, language, position)
        for position, group in enumerate(divide(ordered, language), start=first)
    ]


def divide(
    words: Sequence[Word], language: str | None, breaks: frozenset[int] = frozenset()
) -> list[list[Word]]:
    """Groups of words, a sentence each. Before the words numbered in `breaks` one always begins."""
    punctuated = WORDS_AN_END * sum(has_ending(word.text) for word in words) >= min(len(words), WORDS_AN_END)
    style = _Style(punctuated=punctuated, language=language)
    groups: list[list[Word]] = []
    for number, word in enumerate(words):
        if not groups or number in breaks or _is_new(groups[-1], word, style):
            groups.append([word])
        else:
            groups[-1].append(word)
    if not punctuated and not breaks:
        groups = _without_fragments(groups)
    return [part for group in groups for part in _shortened(group)]


def utterance(words: Sequence[Word], language: str | None, position: int) -> Utterance:
    """A sentence of words. Their texts are joined as they stand, and each is kept without its space."""
    return Utterance(
        position=position,
        start_us=words[0].start_us,
        end_us=max(word.end_us for word in words),
        text=text_of(words),
        language=language,
        confidence=sum(word.confidence for word in words) / len(words),
        words=tuple(replace(word, text=word.text.strip()) for word in words),
    )


def text_of(words: Iterable[Word]) -> str:
    """The words' texts in a row."""
    return re.sub(r"\s+", " ", "".join(word.text for word in words)).strip()


def _is_new(group: Sequence[Word], word: Word, style: _Style) -> bool:
    gap_us = word.start_us - max(before.end_us for before in group[-8:])
    apart = word.text[:1].isspace()
    if not apart and gap_us < style.pause_us and _goes_on_without_space(group[-1].text, word.text):
        return False
    return gap_us >= style.pause_us or ends_sentence(group[-1].text, word.text, style.language)


def _goes_on_without_space(before: str, after: str) -> bool:
    """Whether a word is but the next part of the one before: "3" and ".5", "well" and "-known"."""
    return before[-1:].isascii() and after[:1].isascii()


def _without_fragments(groups: Sequence[list[Word]]) -> list[list[Word]]:
    """One or two words between pauses go to the neighbour that is nearer."""
    found: list[list[Word]] = []
    waiting: list[Word] = []
    for number, group in enumerate(groups):
        whole = waiting + group
        waiting = []
        if len(whole) >= FRAGMENT or not whole[0].text[:1].isspace():
            found.append(whole)
            continue
        before_us = whole[0].start_us - found[-1][-1].end_us if found else JOINED_PAUSE_US
        after_us = (
            groups[number + 1][0].start_us - whole[-1].end_us if number + 1 < len(groups) else JOINED_PAUSE_US
        )
        if min(before_us, after_us) >= JOINED_PAUSE_US:
            found.append(whole)
        elif before_us <= after_us:
            found[-1] = found[-1] + whole
        else:
            waiting = whole
    return found


def _shortened(words: list[Word]) -> list[list[Word]]:
    """A sentence that is too long in parts: cut behind a clause, else at the longest pause."""
    lasts_us = max(word.end_us for word in words) - words[0].start_us
    characters = sum(len(word.text) for word in words)
    if len(words) < 2 or (lasts_us <= LONGEST_US and characters <= LONGEST_CHARACTERS):
        return [words]
    at = _cut(words)
    return [*_shortened(words[:at]), *_shortened(words[at:])]


def _cut(words: Sequence[Word]) -> int:
    """The number of the word before which to cut."""
    start_us, end_us = words[0].start_us, max(word.end_us for word in words)
    total_us = max(1, end_us - start_us)

    def merit(number: int) -> tuple[bool, bool, int, float]:
        before, word = words[number - 1], words[number]
        share = (word.start_us - start_us) / total_us
        near_middle = 0.2 <= share <= 0.8
        # Steps of 50 ms: among pauses that are alike the one nearer to the middle is better.
        gap = max(0, word.start_us - before.end_us) // 50_000
        return near_middle, bool(CLAUSE_END.search(before.text)), gap, -abs(share - 0.5)

    whole = [number for number in range(1, len(words)) if not _is_part(words, number)]
    return max(whole or range(1, len(words)), key=merit)


def _is_part(words: Sequence[Word], number: int) -> bool:
    """Whether a word is but the next part of the one before."""
    after = words[number].text
    return not after[:1].isspace() and _goes_on_without_space(words[number - 1].text, after)
