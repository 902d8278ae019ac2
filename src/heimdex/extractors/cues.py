"""Subtitle cues become sentences. Pure.

A sentence may go on over several cues, and a cue may hold several sentences. What begins and ends with a cue
has its exact times; a place within a cue is reckoned by the share of its letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from heimdex.entities import Utterance, Word
from heimdex.extractors.endings import has_ending
from heimdex.extractors.sentences import divide, utterance

GOES_ON_US = 1_500_000  # a sentence does not go on over a longer gap between cues
OVERLAP_US = 100_000  # cues that overlap by more are two voices
PUNCTUATED = 0.15  # with fewer cues that end a sentence, each cue is one
_SPEAKER = re.compile(r"^\s*(?:[-–—‐]\s*\S|>>|[♪♫#\[(（【])")
_DASH = re.compile(r"^\s*(?:[-–—‐]+|>>+)\s*")
_SPACELESS = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u2e80", "\u9fff"),
    ("\uf900", "\uffef"),
)
_WIDE_ENDING = re.compile(r"(?<=[。！？｡])(?![」』】）〉》”’。！？｡])")


class Cue(Protocol):
    """A subtitle: its text, with line ends, is shown over [start_us, end_us)."""

    @property
    def start_us(self) -> int:
        """When it appears."""

    @property
    def end_us(self) -> int:
        """When it goes."""

    @property
    def text(self) -> str:
        """What it says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """A line of a cue, or all its lines if one person says them, over [start_us, end_us)."""

    text: str
    start_us: int
    end_us: int
    begins: bool  # whether a sentence begins with it, whatever came before


def sentences_of_cues(cues: Iterable[Cue], language: str | None = None) -> list[Utterance]:
    """The sentences of subtitles, in order of time. Their words have no times of their own, so have none."""
    shown = _shown(cues)
    ends = sum(has_ending(cue.text) for cue in shown)
    each_is_one = ends < PUNCTUATED * len(shown)
    words: list[Word] = []
    breaks = set()
    before: _Line | None = None
    for line in _lines(shown):
        if before is None or each_is_one or line.begins or not _may_go_on(before, line):
            breaks.add(len(words))
        words += _words(line, joined=bool(words) and len(words) not in breaks and _spaceless(words[-1].text))
        before = line
    # A single cue may lie before another's end; the sentences are put in order again.
    groups = sorted(divide(words, language, frozenset(breaks)), key=lambda group: group[0].start_us)
    return [replace(utterance(group, language, position), words=()) for position, group in enumerate(groups)]


def _may_go_on(before: _Line, line: _Line) -> bool:
    gap_us = line.start_us - before.end_us
    return -OVERLAP_US <= gap_us < GOES_ON_US


def _shown(cues: Iterable[Cue]) -> list[_Line]:
    """Cues in order of time, their lines tidied; lines that say nothing ("♪♪") are left out."""
    found = []
    for cue in sorted(cues, key=lambda cue: (cue.start_us, cue.end_us)):
        lines = [line for line in (" ".join(raw.split()) for raw in cue.text.splitlines()) if _says(line)]
        if lines:
            end_us = max(cue.end_us, cue.start_us)
            found.append(_Line(text="\n".join(lines), start_us=cue.start_us, end_us=end_us, begins=False))
    return found


def _lines(cues: Sequence[_Line]) -> Iterator[_Line]:
    """A cue in which several people speak, line by line; others whole."""
    for cue in cues:
        parts: list[str] = []
        for line in cue.text.splitlines():
            if _SPEAKER.match(line) or not parts:
                parts.append(line)
            else:
                glue = "" if _spaceless(parts[-1]) and _spaceless(line[:1]) else " "
                parts[-1] += glue + line
        total, begun = sum(map(len, parts)), 0
        for part in parts:
            begin_us = _share(cue, begun, total)
            begun += len(part)
            yield _Line(
                text=_DASH.sub("", part),
                start_us=begin_us,
                end_us=_share(cue, begun, total),
                begins=_SPEAKER.match(part) is not None,
            )


def _share(line: _Line, count: int, total: int) -> int:
    return line.start_us + (line.end_us - line.start_us) * count // max(1, total)


def _words(line: _Line, *, joined: bool) -> Iterator[Word]:
    """The words of a line with times by the share of their letters; wide text is parted at its full stops."""
    total, begun = len(line.text), 0
    for number, chunk in enumerate(re.split(r"(?<=\S)(?=\s)", line.text)):
        for place, part in enumerate(_WIDE_ENDING.split(chunk)):
            if not part:
                continue
            first = number == 0 and place == 0
            apart = place == 0 and not (first and joined and _spaceless(part[:1]))
            start_us = _share(line, begun, total)
            begun += len(part)
            yield Word(
                text=" " + part.strip() if apart else part.strip(),
                start_us=start_us,
                end_us=_share(line, begun, total),
            )


def _says(line: str) -> bool:
    return any(letter.isalnum() for letter in line)


def _spaceless(text: str) -> bool:
    """Whether a text ends in a script that puts no spaces between words."""
    last = text.rstrip()[-1:]
    return any(first <= last <= end for first, end in _SPACELESS) if last else False
