"""Stretches of speech are laid one behind the other into windows that a recogniser hears at once.

Whisper works on 30 s whatever they hold: five short sentences in one window cost a fifth of five windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heimdex.entities import Word
from heimdex.extractors.recogniser import SAMPLE_RATE_HZ, Passage, Samples, Stretch, microseconds

LONGEST_SAMPLES = 29 * SAMPLE_RATE_HZ


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Stretches in their order, heard without what lay between them."""

    stretches: tuple[Stretch, ...]

    @property
    def samples(self) -> Samples:
        """Shape (samples,)."""
        return np.concatenate([stretch.samples for stretch in self.stretches])

    def placed(self, passage: Passage) -> Iterator[Passage]:
        """A passage heard in the window, its times counted from the window's start, as one for each stretch.

        A word belongs to the stretch that its middle lies in, and its times are back on the asset's clock.
        """
        begin_us = 0
        words = list(passage.words)
        for number, stretch in enumerate(self.stretches):
            end_us = begin_us + microseconds(len(stretch.samples))
            here = []
            while words and (_middle_us(words[0]) < end_us or number == len(self.stretches) - 1):
                here.append(_moved(words.pop(0), stretch.start_us - begin_us))
            yield replace(passage, words=tuple(here))
            begin_us = end_us


def packed(stretches: Sequence[Stretch]) -> Iterator[Window]:
    """Windows of at most 29 s. A stretch that is longer has one for itself."""
    inside: list[Stretch] = []
    taken = 0
    for stretch in stretches:
        if inside and taken + len(stretch.samples) > LONGEST_SAMPLES:
            yield Window(stretches=tuple(inside))
            inside, taken = [], 0
        inside.append(stretch)
        taken += len(stretch.samples)
    if inside:
        yield Window(stretches=tuple(inside))


def _middle_us(word: Word) -> int:
    return (word.start_us + word.end_us) // 2


def _moved(word: Word, by_us: int) -> Word:
    return replace(word, start_us=max(0, word.start_us + by_us), end_us=max(0, word.end_us + by_us))
