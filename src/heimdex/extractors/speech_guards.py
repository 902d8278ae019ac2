"""Guards against text that nobody said: inventions over silence, and loops that recognisers fall into."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from heimdex.entities import Word
from heimdex.extractors.recogniser import Passage, Stretch

# Whisper's own limits (Radford et al. 2022, section 4.5).
NO_SPEECH = 0.6  # probability that nobody speaks, from which a passage of low probability is none
LOG_PROBABILITY = -1.0  # mean of the tokens', below which it is low
COMPRESSION = 2.4  # bytes to compressed bytes, above which a text repeats itself

UNSURE = 0.5  # confidence below which a known phantom is one
HEARD_NOTHING = 0.3  # or from this probability that nobody speaks
LONGEST_LOOP = 24  # words; in languages without spaces a word is a letter or two
REPEATS = 4  # so often in a row a phrase of some words is a loop
REPEATS_OF_ONE = 8  # and so often a single one: "no, no, no, no" is said
OUTSIDE_US = 100_000  # a word this far outside of its stretch was not heard in it


@dataclass(kw_only=True, slots=True)
class Dropped:
    """What was left out of a transcript, counted by the reason."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def note(self) -> str | None:
        """In a sentence, for the transcript's record; None where nothing was."""
        if not self.counts:
            return None
        return "left out: " + ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))


def kept_words(passage: Passage, stretch: Stretch, dropped: Dropped) -> tuple[Word, ...]:
    """The words of a passage that were said in its stretch; `dropped` counts the others."""
    words = tuple(_within(passage.words, stretch, dropped))
    if not words:
        return ()
    text = "".join(word.text for word in words)
    if _is_silence(passage):
        dropped.counts["words where nobody speaks"] += len(words)
        return ()
    words = without_loops(words, dropped)
    if is_repetitive("".join(word.text for word in words)):
        dropped.counts["words that repeat themselves"] += len(words)
        return ()
    if _is_phantom(text, words, passage):
        dropped.counts["words that models invent over silence"] += len(words)
        return ()
    return words


def is_repetitive(text: str) -> bool:
    """Whether a text compresses better than speech does (Whisper's measure)."""
    written = text.strip().encode()
    return bool(written) and len(written) / len(zlib.compress(written)) > COMPRESSION


def without_loops(words: Sequence[Word], dropped: Dropped) -> tuple[Word, ...]:
    """The words with every phrase that is repeated again and again left standing once."""
    keys = [plain(word.text) for word in words]
    kept: list[Word] = []
    at = 0
    while at < len(words):
        length, times = _loop(keys, at)
        kept += words[at : at + length]
        if times > 1:
            dropped.counts["words that repeat themselves"] += length * (times - 1)
        at += length * times
    return tuple(kept)


def _loop(keys: Sequence[str], at: int) -> tuple[int, int]:
    """The phrase that begins here as (words, times in a row); (1, 1) where it is no loop."""
    for length in range(1, min(LONGEST_LOOP, (len(keys) - at) // REPEATS) + 1):
        phrase = keys[at : at + length]
        times = 1
        while keys[at + times * length : at + (times + 1) * length] == phrase:
            times += 1
        if times >= (REPEATS_OF_ONE if len(set(phrase)) == 1 else REPEATS):
            return length, times
    return 1, 1


def _within(words: Sequence[Word], stretch: Stretch, dropped: Dropped) -> Iterator[Word]:
    """The words that lie in the stretch, with times that do not reach out of it."""
    for word in words:
        middle_us = (word.start_us + word.end_us) // 2
        if not stretch.start_us - OUTSIDE_US <= middle_us <= stretch.end_us + OUTSIDE_US:
            dropped.counts["words outside of the sound"] += 1
            continue
        start_us = min(max(word.start_us, stretch.start_us), stretch.end_us)
        yield replace(word, start_us=start_us, end_us=max(start_us, min(word.end_us, stretch.end_us)))


def _is_silence(passage: Passage) -> bool:
    """Whisper's rule: it thinks that nobody speaks, and does not believe in its own words either."""
    if passage.no_speech is None or passage.log_probability is None:
        return False
    return passage.no_speech > NO_SPEECH and passage.log_probability < LOG_PROBABILITY


def _is_phantom(text: str, words: Sequence[Word], passage: Passage) -> bool:
    # One that does not tell whether somebody speaks was not trained on subtitles, and doubts everything.
    if passage.no_speech is None or plain(text) not in phantoms():
        return False
    confidence = sum(word.confidence for word in words) / len(words)
    return confidence < UNSURE or passage.no_speech > HEARD_NOTHING


@cache
def phantoms() -> frozenset[str]:
    """Phrases that models are known to invent, as `plain` writes them."""
    lines = (Path(__file__).parent / "phantoms.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def plain(text: str) -> str:
    """In lower case, punctuation and repeated spaces aside."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", " ", folded).strip()
