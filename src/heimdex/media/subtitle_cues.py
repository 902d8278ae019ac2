"""Cues are put in order: times that cannot be, repeats of roll-up captions, captions that grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

CUES_LIMIT = 100_000
TOUCHES_US = 100_000  # cues no further apart follow each other at once
GROWS_US = 1_000_000  # between the steps of a caption that is written letter by letter
LETTER_US = 60_000  # reading time of a letter, where a cue does not say when it ends
SHORTEST_US, LONGEST_US = 1_000_000, 7_000_000  # of a cue that does not say
BEYOND_US = 1_000_000  # after the end of the file: later cues belong to another one


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """What is said, shown over [start_us, end_us) of the asset; lines are kept apart by line ends."""

    start_us: int
    end_us: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ordered:
    """Cues in order of time, and what had to be put right."""

    cues: tuple[Cue, ...]
    note: str | None


def ordered(cues: Iterable[Cue], duration_us: int) -> Ordered:
    """Cues whose times can be, in order, each saying what those before it did not.

    `duration_us` is that of the asset, 0 where it is not known. A cue that ends before it begins is given the
    time that reading it takes; one that lies outside of the file is left out.
    """
    faults: Counter[str] = Counter()
    within: list[Cue] = []
    for cue in cues:
        if len(within) == CUES_LIMIT:
            faults[f"more than {CUES_LIMIT:,} subtitles, the rest is left out"] = 0
            break
        if cue.end_us <= 0 and cue.start_us < 0:
            faults["{} before the beginning"] += 1
        elif duration_us and cue.start_us >= duration_us + BEYOND_US:
            faults["{} after the end of the file"] += 1
        elif cue.text:
            within.append(replace(cue, start_us=max(0, cue.start_us)))
    within.sort(key=lambda cue: (cue.start_us, cue.end_us))
    timed = _ended(within, duration_us, faults)
    note = "; ".join(text.format(count) if count else text for text, count in faults.items())
    return Ordered(cues=tuple(_told_once(timed)), note=note or None)


def _ended(cues: Sequence[Cue], duration_us: int, faults: Counter[str]) -> list[Cue]:
    found: list[Cue] = []
    for number, cue in enumerate(cues):
        end_us = cue.end_us
        if end_us <= cue.start_us:
            faults["{} without an end"] += 1
            lasts_us = min(LONGEST_US, max(SHORTEST_US, LETTER_US * len(cue.text)))
            after_us = next(
                (c.start_us for c in cues[number + 1 : number + 9] if c.start_us > cue.start_us), None
            )
            end_us = cue.start_us + lasts_us if after_us is None else min(after_us, cue.start_us + lasts_us)
        if duration_us:
            end_us = min(end_us, max(duration_us, cue.start_us + 1))
        found.append(replace(cue, end_us=end_us))
    return found


def _told_once(cues: Iterable[Cue]) -> list[Cue]:
    """Without what a cue repeats of those that are still shown, or were a moment ago."""
    found: list[Cue] = []
    before: list[str] = []  # the lines on the screen, also those that were repeats themselves
    until_us = begun_us = 0
    for cue in cues:
        lines = cue.text.split("\n")
        touches = bool(found) and cue.start_us - until_us <= TOUCHES_US
        if not touches:
            found.append(cue)
            before = lines
        elif cue.text == "\n".join(before) or cue.text == found[-1].text:
            found[-1] = replace(found[-1], end_us=max(found[-1].end_us, cue.end_us))
        elif cue.start_us - begun_us <= GROWS_US and _grows(before, cue.text):
            older = len("\n".join(before)) - len(found[-1].text)
            end_us = max(found[-1].end_us, cue.end_us)
            found[-1] = replace(cue, start_us=found[-1].start_us, end_us=end_us, text=cue.text[older:])
            before = lines
        else:
            fresh = lines[_repeated(before, lines) :]
            if fresh:
                found.append(replace(cue, text="\n".join(fresh)))
            before = lines
        until_us, begun_us = max(until_us, cue.end_us), cue.start_us
    return found


def _grows(before: Sequence[str], text: str) -> bool:
    """Whether a text is what was shown before with more in its last line."""
    shown = "\n".join(before)
    return text.startswith(shown) and not text[len(shown) :].startswith("\n")


def _repeated(before: Sequence[str], lines: Sequence[str]) -> int:
    """How many of the first lines are the last ones of what was shown before."""
    for count in range(min(len(before), len(lines)), 0, -1):
        if list(before[-count:]) == list(lines[:count]):
            return count
    return 0
