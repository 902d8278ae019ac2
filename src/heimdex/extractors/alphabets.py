"""Recognisers of further alphabets beside the shipped one: what they are, and whose reading counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from heimdex.extractors.scripts import ALIKE, COMMON, holds, script_of

LEFTWARDS = frozenset({"Arab", "Hebr"})
SURE = 0.9  # of confidence
LENIENCE = (
    0.1  # by which a reading in its own alphabet may be less sure: the shipped one knows no other letters
)
# Unicode's bidirectional classes
NUMBERS = frozenset({"EN", "AN"})
JOINING = frozenset({"ES", "CS", "ET"})  # the point in 1.5, the colon in 17:45
STRONG = frozenset({"L", "R", "AL", *NUMBERS})
MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")


@dataclass(frozen=True, kw_only=True, slots=True)
class Alphabet:
    """A recogniser for one alphabet, by its files. It reads lines as the shipped one does."""

    name: str  # the catalog's
    script: str  # ISO 15924
    folder: Path  # with a manifest
    graph: str  # a CTC network in it, (1, 3, 48, width) → (1, steps, classes)
    dictionary: str  # beside it: what its classes stand for, a line each
    memo_dir: Path | None = None  # where checked checksums are remembered


@dataclass(frozen=True, kw_only=True, slots=True)
class LineReading:
    """What one recogniser makes of a line. `confidence` is 0-1."""

    text: str
    confidence: float


def is_settled(shipped: LineReading) -> bool:
    """Whether no other recogniser has to be asked: sure, and of no letters that others look like."""
    script = script_of(shipped.text)
    return shipped.confidence >= SURE and script not in ALIKE and script != COMMON


def whose(shipped: LineReading, others: Iterable[tuple[Alphabet, LineReading]]) -> LineReading:
    """The reading that counts: the surest in a recogniser's own alphabet if it is about as sure, else the
    shipped one's.

    The shipped recogniser reads what it has no letters for as something that looks like it, at times surely:
    РЕСТОРАН as PECTOPAH, or as blanks. One that knows both alphabets had the choice.
    """
    sure = shipped.confidence if any(sign.isalnum() for sign in shipped.text) else 0.0
    own = [
        reading
        for alphabet, reading in others
        if holds(reading.text, alphabet.script) and reading.confidence + LENIENCE >= sure
    ]
    return max(own, key=lambda reading: reading.confidence, default=shipped)


def logical(text: str) -> str:
    """A line of a script that is written to the left, read glyph by glyph from left to right, in the order
    in which it is spoken. Numbers and words of other scripts in it keep their own order.

    The rules of Unicode's bidirectional algorithm (UAX 9) for such a line, backwards, without embeddings.
    """
    glyphs: list[str] = []
    for sign in text:
        if glyphs and unicodedata.combining(sign):
            glyphs[-1] += sign
        else:
            glyphs.append(sign)
    runs: list[str] = []
    for kept, run in groupby(zip(_rightwards(glyphs), glyphs, strict=True), key=lambda one: one[0]):
        signs = [glyph for _, glyph in run]
        runs += ["".join(signs)] if kept else [sign.translate(MIRRORED) for sign in signs]
    return "".join(reversed(runs))


def _rightwards(glyphs: Sequence[str]) -> list[bool]:
    """Whether each glyph belongs to a run that is read from left to right whatever stands round it."""
    classes = [unicodedata.bidirectional(glyph[0]) for glyph in glyphs]
    last = ""
    for place, own in enumerate(classes):  # a number behind Latin letters belongs to them
        last = own if own in ("L", "R", "AL") else last
        classes[place] = "L" if own == "EN" and last == "L" else own
    strong = [one if one in STRONG else "" for one in classes]
    found = []
    for place, own in enumerate(classes):
        beside = (*classes[max(place - 1, 0) : place], *classes[place + 1 : place + 2])
        before = next((one for one in reversed(strong[:place]) if one), "")
        behind = next((one for one in strong[place + 1 :] if one), "")
        of_a_number = own in JOINING and len(beside) == 2 and set(beside) <= NUMBERS
        of_words = own not in STRONG and before == behind == "L"
        found.append(own == "L" or own in NUMBERS or of_a_number or of_words)
    return found
