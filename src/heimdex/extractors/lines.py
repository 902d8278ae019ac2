"""The same line over neighbouring pictures becomes one line with its span.

What is one line: the same words, but for what a reader mixes up, in about the same place; or the same words
at another place (a camera turns, credits roll). What is not: a number that counts, a ticker whose words move.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TypeAlias

from heimdex.entities import TextLine
from heimdex.extractors.scripts import script_of
from heimdex.extractors.writing import ReadLine

Box: TypeAlias = tuple[float, float, float, float]
"""x, y, width, height as shares of the picture, 0-1."""

CONFUSED = str.maketrans("oil|!sbz", "01111582")  # what readers mix up: 0 O, 1 l I, 5 S, 8 B, 2 Z
LEAST_ALIKE = 0.8  # of the glyphs of a line
SHORTEST_WITH_FAULTS = 5  # glyphs; shorter lines have to be equal
LEAST_OVERLAP = 0.3  # of two boxes, intersection over union
MOST_RESIZED = 1.5  # how much higher a line may be that is somewhere else
SCROLLED = 2  # glyphs that left on one side while others came on the other


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A picture that was read, and the stretch [start_us, end_us) of its scene that it stands for."""

    scene_id: str
    at_us: int
    start_us: int
    end_us: int
    width: int  # px of the picture that was read
    height: int
    lines: tuple[ReadLine, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """A line in one picture."""

    look: Look
    line: ReadLine
    box: Box


@dataclass(kw_only=True, slots=True)
class _Track:
    """A line that may still be standing."""

    seen: list[_Seen]
    missed: list[str] = field(default_factory=list)  # scenes of the pictures since, in which it was not read


def merged(looks: Iterable[Look]) -> list[TextLine]:
    """The lines of an asset by the time they appear, each once with the span over which it stands.

    `looks` are in the order of time. A line's text is the reading that its pictures agree on most, by the sum
    of confidences; its moment, box and confidence are those of the picture in which that was read best.
    """
    done: list[_Track] = []
    standing: list[_Track] = []
    for look in looks:
        done += [track for track in standing if _is_over(track, look)]
        standing = [track for track in standing if not _is_over(track, look)]
        seen = [_seen(look, line) for line in look.lines]
        taken = _pairs(standing, seen)
        for number, track in enumerate(standing):
            if number in taken:
                track.seen.append(seen[taken[number]])
                track.missed.clear()
            else:
                track.missed.append(look.scene_id)
        new = set(range(len(seen))) - set(taken.values())
        standing += [_Track(seen=[seen[number]]) for number in sorted(new)]
    found = [_line(track) for track in done + standing]
    return sorted(found, key=lambda line: (line.start_us, line.box[1], line.box[0]))


def same_words(one: str, other: str) -> bool:
    """Whether two readings are of the same line."""
    first, second = folded(one), folded(other)
    if first == second:
        return True
    longer = max(len(first), len(second))
    if min(len(first), len(second)) < SHORTEST_WITH_FAULTS:
        return False
    steps = SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
    changes = [step for step in steps if step[0] != "equal"]
    faults = sum(max(end - start, stop - begin) for _, start, end, begin, stop in changes)
    if faults > (1 - LEAST_ALIKE) * longer or _scrolled(changes, first, second):
        return False
    # Another digit is another number; a letter that differs is a fault of reading.
    one, other = _compact(one), _compact(other)
    changed = "".join(one[start:end] + other[begin:stop] for _, start, end, begin, stop in changes)
    return not any(sign.isdigit() for sign in changed)


@lru_cache(maxsize=1 << 12)
def folded(text: str) -> str:
    """A reading for comparing: without blanks and case, and what readers mix up as one sign."""
    return _compact(text).translate(CONFUSED)


def _compact(text: str) -> str:
    return "".join(text.split()).lower()


def _pairs(standing: Sequence[_Track], seen: Sequence[_Seen]) -> dict[int, int]:
    """Which track goes on with which line: the nearest first, each once."""
    near = []
    for number, track in enumerate(standing):
        last = track.seen[-1]
        for place, line in enumerate(seen):
            overlap = _overlap(last.box, line.box)
            if _may_be_same(last, line, overlap) and same_words(last.line.text, line.line.text):
                near.append((-overlap, abs(last.box[1] - line.box[1]), number, place))
    taken: dict[int, int] = {}
    for _, _, number, place in sorted(near):
        if number not in taken and place not in taken.values():
            taken[number] = place
    return taken


def _may_be_same(last: _Seen, line: _Seen, overlap: float) -> bool:
    if overlap >= LEAST_OVERLAP:
        return True
    heights = sorted((max(last.box[3], 1e-6), max(line.box[3], 1e-6)))
    words = folded(line.line.text)
    moved = len(words) >= SHORTEST_WITH_FAULTS and words == folded(last.line.text)
    return moved and heights[1] <= MOST_RESIZED * heights[0]


def _is_over(track: _Track, look: Look) -> bool:
    """Whether a line has gone: it may be missed here and there, but not in a whole scene."""
    return not set(track.missed) <= {track.seen[-1].look.scene_id, look.scene_id}


def _scrolled(changes: Sequence[tuple[str, int, int, int, int]], one: str, other: str) -> bool:
    """Whether glyphs left at one end and others came at the other end."""
    lost_left = any(start == 0 and end - start >= SCROLLED for _, start, end, _, _ in changes)
    lost_right = any(end == len(one) and end - start >= SCROLLED for _, start, end, _, _ in changes)
    came_left = any(begin == 0 and stop - begin >= SCROLLED for _, _, _, begin, stop in changes)
    came_right = any(stop == len(other) and stop - begin >= SCROLLED for _, _, _, begin, stop in changes)
    return (lost_left and came_right) or (lost_right and came_left)


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    return shared / max(one[2] * one[3] + other[2] * other[3] - shared, 1e-9)


def _seen(look: Look, line: ReadLine) -> _Seen:
    return _Seen(look=look, line=line, box=box_of(line, look.width, look.height))


def box_of(line: ReadLine, width: int, height: int) -> Box:
    """The upright box round a line, as shares of a picture of that many px."""
    left, right = (min(max(edge(x for x, _ in line.quad) / width, 0.0), 1.0) for edge in (min, max))
    top, bottom = (min(max(edge(y for _, y in line.quad) / height, 0.0), 1.0) for edge in (min, max))
    return left, top, right - left, bottom - top


def _line(track: _Track) -> TextLine:
    votes: defaultdict[str, float] = defaultdict(float)
    for seen in track.seen:
        votes[seen.line.text] += seen.line.confidence
    text = max(votes, key=lambda reading: votes[reading])
    best = max((seen for seen in track.seen if seen.line.text == text), key=lambda seen: seen.line.confidence)
    return TextLine(
        scene_id=best.look.scene_id,
        at_us=best.look.at_us,
        start_us=min(seen.look.start_us for seen in track.seen),
        end_us=max(seen.look.end_us for seen in track.seen),
        text=text,
        box=best.box,
        confidence=best.line.confidence,
        script=script_of(text),
    )
