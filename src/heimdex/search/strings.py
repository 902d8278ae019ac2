"""How well a string stands in lines of writing. Pure: lines come folded, their words apart by one space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from heimdex.store.lexicon.confusables import classed
from heimdex.store.lexicon.grams import inner, windows
from heimdex.store.lexicon.words import is_gram

CLASS_VALUE = 0.95  # of what reads the same once 0 and O, 1 and l, 5 and S … are one
PART_LEAST, PART_REST = 0.6, 0.3  # of a part of a longer string: the more of it, the better
NEARLY = 0.6  # what a string is worth at most that was misread, less the share of its characters that were
SHORTEST_NEARLY = 6  # characters; one that is wrong spoils three trigrams, and two have to be left
LONG = 10  # characters; from here on two may be wrong


@dataclass(frozen=True, kw_only=True, slots=True)
class LineFound:
    """The line that holds a string best."""

    raw: float  # 0-1
    line: int  # its number
    approximate: bool = False


class AskedString:
    """A string, given as its folded words. `parts`: it may lie within a longer one; `nearly`: be misread."""

    def __init__(self, words: Sequence[str], *, weight: float = 1.0, parts: bool, nearly: bool) -> None:
        self.words = tuple(words)
        self.text = "".join(words)
        self.weight = weight * len(self.text)
        self._spaced = " ".join(words)
        self._classed = classed(self.text)
        self._classed_spaced = classed(self._spaced)
        # Where there are no spaces there is no whole either.
        self._parts = parts or all(is_gram(word) for word in words)
        self.is_short = self._parts and (len(self.text) == 2 or is_gram(self.text))
        self.is_whole = not self._parts or len(self.text) == 1
        self.is_nearly = nearly and len(self.text) >= SHORTEST_NEARLY
        self._windows = frozenset(inner(self.text))
        self.signs = ("",) if self.is_nearly else (self._classed,)  # a line with none of these has none of it

    def score(self, written: str) -> LineFound | None:
        """The line that holds it best: whole, as a part, or nearly."""
        in_classes = classed(written)
        best: LineFound | None = None
        if self._classed in in_classes.replace(" ", ""):
            for number, (line, line_classed) in enumerate(
                zip(written.split("\n"), in_classes.split("\n"), strict=True)
            ):
                raw = self._whole_or_part(line, line_classed)
                if raw > (best.raw if best else 0.0):
                    best = LineFound(raw=raw, line=number)
        if best is None and self.is_nearly:
            best = self._nearly(in_classes.split("\n"))
        return best

    def _whole_or_part(self, line: str, line_classed: str) -> float:
        if f" {self._spaced} " in f" {line} ":
            return 1.0
        if f" {self._classed_spaced} " in f" {line_classed} ":
            return CLASS_VALUE
        if not self._parts:
            return 0.0
        if self.text in line.replace(" ", ""):
            return self._part_value(line, self.text)
        if self._classed in line_classed.replace(" ", ""):
            return CLASS_VALUE * self._part_value(line_classed, self._classed)
        return 0.0

    def _part_value(self, line: str, text: str) -> float:
        """By how much of the words it lies in is asked for: 0.9 where that is all but their spaces."""
        squeezed = line.replace(" ", "")
        at = squeezed.find(text)
        edges = [0]
        for word in line.split(" "):
            edges.append(edges[-1] + len(word))
        first = max(edge for edge in edges if edge <= at)
        last = min(edge for edge in edges if edge >= at + len(text))
        return PART_LEAST + PART_REST * len(text) / (last - first)

    def _nearly(self, lines_classed: Sequence[str]) -> LineFound | None:
        best: LineFound | None = None
        least = max(2, len(self._windows) - 3 * (2 if len(self.text) >= LONG else 1))
        for number, line in enumerate(lines_classed):
            held = len(self._windows & set(windows(line.replace(" ", ""))))
            if held < least:
                continue
            wrong = math.ceil((len(self._windows) - held) / 3)
            raw = NEARLY * (1 - wrong / len(self.text))
            if raw > (best.raw if best else 0.0):
                best = LineFound(raw=raw, line=number, approximate=True)
        return best
