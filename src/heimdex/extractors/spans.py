"""Probabilities of speech, window by window, become spans of speech. Pure; knows nothing of sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

WINDOWS_A_SECOND = 16_000 / 512


def _windows(seconds: float) -> int:
    return round(seconds * WINDOWS_A_SECOND)


# Lower than silero's own 0.5 and 0.35, which lose words in a hall's echo; the guards that follow forgive what
# is let in. White noise stays below 0.33, chords below 0.11.
SPEECH = 0.4  # from here somebody speaks
SILENCE = 0.25  # below it nobody does; between the two it goes on as it was
PAUSE = _windows(1.5)  # a longer silence ends a span; recognisers do better with more around a word
LEAST = _windows(0.15)  # shorter sounds are no speech
PADDING = _windows(0.2)  # on either side: soft first and last sounds
LONGEST = _windows(28.0)  # with its padding a stretch stays within Whisper's 30 s
CUT_WITHIN = _windows(12.0)  # a span that is too long is cut in its last seconds, where it is quietest


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Windows [start, end) of one stream, padding included."""

    start: int
    end: int


class SpeechSpans:
    """Finds spans while probabilities come in. Spans do not overlap and come in order."""

    def __init__(self) -> None:
        self._count = 0  # windows seen
        self._ended = 0  # end of the last span
        self._start: int | None = None  # of the span that is open, without padding
        self._loud = 0  # windows of speech in it
        self._last = 0  # end of the last speech in it
        self._open: list[float] = []  # probabilities since its start

    @property
    def needed_from(self) -> int:
        """The first window that a later span may still hold."""
        begin = self._count if self._start is None else self._start
        return max(self._ended, begin - PADDING, 0)

    def add(self, probabilities: Iterable[float]) -> Iterator[Span]:
        """The spans that end within these windows."""
        for probability in probabilities:
            yield from self._add(float(probability))

    def finish(self) -> Iterator[Span]:
        """The span that is still open, if any: the stream has ended."""
        if self._start is not None:
            yield from self._close(min(self._last + PADDING, self._count))

    def _add(self, probability: float) -> Iterator[Span]:
        here = self._count
        self._count += 1
        if self._start is None:
            if probability < SPEECH:
                return
            self._start, self._loud = here, 0
        self._open.append(probability)
        if probability >= SPEECH:
            self._loud += 1
        if probability >= SILENCE:
            self._last = here + 1
        if here + 1 - self._last >= PAUSE:
            yield from self._close(self._last + PADDING)
        elif here + 1 - self._start >= LONGEST:
            yield from self._cut()

    def _close(self, end: int) -> Iterator[Span]:
        assert self._start is not None
        if self._loud >= LEAST:
            start = max(self._ended, self._start - PADDING, 0)
            yield Span(start=start, end=end)
            self._ended = end
        self._start, self._open = None, []

    def _cut(self) -> Iterator[Span]:
        """The span has become too long: it ends at its quietest place, and the rest is a span of its own."""
        assert self._start is not None
        at = self._start + quietest(self._open)
        rest = self._open[at - self._start :]
        loud, self._loud = self._loud, LEAST  # a part of much speech is speech, however short
        yield from self._close(at)
        self._start, self._open = at, rest
        self._loud = loud if any(probability >= SPEECH for probability in rest) else 0  # the other part too


def quietest(probabilities: Sequence[float]) -> int:
    """Where to cut: within the last seconds, the middle of the three windows least likely to be speech."""
    first = max(1, len(probabilities) - CUT_WITHIN)
    at = range(first, len(probabilities) - 1)
    return min(at, key=lambda place: (sum(probabilities[place - 1 : place + 2]), -place), default=first)
