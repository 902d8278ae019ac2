"""The jobs of the stage `speech`: what runs inside worker processes. They need no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby

from heimdex.entities import Facts, Transcript, Utterance, Word
from heimdex.extractors import recognisers
from heimdex.extractors.cues import sentences_of_cues
from heimdex.extractors.recogniser import Passage, Recogniser, Stretch
from heimdex.extractors.recognisers import WhisperOptions
from heimdex.extractors.sentences import sentences
from heimdex.extractors.speech_guards import Dropped, kept_words
from heimdex.extractors.voice import VoiceDetector, VoiceFilter
from heimdex.media.sound import SoundPiece, sound
from heimdex.media.subtitles import choose, subtitles_of

Report = Callable[..., None]

SPEECH, SUBTITLES = "speech", "subtitles"
Said = tuple[str | None, tuple[Word, ...]]  # a language, and words of it


def warm(report: Report, options: WhisperOptions | None) -> None:
    """Load the recogniser and the voice detector, so that no item pays for it."""
    recogniser(options)
    report()
    detector()


@dataclass(frozen=True, kw_only=True, slots=True)
class Subtitled:
    """What subtitles gave. `note` is of those that could not be used."""

    transcript: Transcript | None = None
    note: str | None = None


def read_subtitles(report: Report, path: bytes, facts: Facts, preferred: str | None) -> Subtitled:
    """What the best subtitles of a film or a recording say, those in the `preferred` language before others.

    Raises MediaError where the file itself cannot be opened.
    """
    tracks = subtitles_of(path, facts)
    report()
    unread = [f"{track.origin}: {track.note or 'empty'}" for track in tracks if not track.cues]
    note = "; ".join(unread) or None
    track = choose(tracks, preferred)
    sentences = sentences_of_cues(track.cues, track.language) if track is not None else []
    if track is None or not sentences:
        return Subtitled(note=note)
    transcript = Transcript(
        source=SUBTITLES,
        model=SUBTITLES,
        language=track.language,
        utterances=tuple(sentences),
        origin=track.origin,
        note=track.note,
    )
    return Subtitled(transcript=transcript, note=note)


def listen(report: Report, path: bytes, facts: Facts, options: WhisperOptions | None) -> Transcript:
    """What is said in a film or a recording, by the recogniser of these options (None: the starter).

    Reports how far it has come, in microseconds. Holds a few minutes of sound at most, whatever the length;
    words only are kept. Raises MediaError where the sound cannot be read, ModelError.
    """
    said: list[Said] = []
    dropped = Dropped()
    with sound(path, facts) as source:
        stretches = VoiceFilter(detector()).stretches(_reported(source, report))
        for passage, stretch in _recognised(stretches, options):
            said.append((passage.language, kept_words(passage, stretch, dropped)))
            report(stretch.end_us)
        notes = [note for note in (source.report.note, dropped.note) if note]
    return Transcript(
        source=SPEECH,
        model=recognisers.STARTER if options is None else options.name,
        language=main_language(said),
        utterances=tuple(_sentences(said)),
        note="; ".join(notes) or None,
    )


def _recognised(
    stretches: Iterator[Stretch], options: WhisperOptions | None
) -> Iterator[tuple[Passage, Stretch]]:
    first = next(stretches, None)
    if first is None:
        return  # silence needs no recogniser, and most of a holiday's clips are silent
    ears = recogniser(options)
    ears.forget()
    for batch in batches(chain([first], stretches), ears.batch_us):
        yield from zip(ears.recognise(batch), batch, strict=True)


def batches(stretches: Iterable[Stretch], batch_us: int) -> Iterator[list[Stretch]]:
    """Stretches that are given to a recogniser together: until they last so long."""
    batch: list[Stretch] = []
    lasts_us = 0
    for stretch in stretches:
        if batch and lasts_us + stretch.end_us - stretch.start_us > batch_us:
            yield batch
            batch, lasts_us = [], 0
        batch.append(stretch)
        lasts_us += stretch.end_us - stretch.start_us
    if batch:
        yield batch


def main_language(said: Iterable[Said]) -> str | None:
    """The language most words are in; None where there are none."""
    words: Counter[str] = Counter()
    for language, group in said:
        if language is not None and group:
            words[language] += len(group)
    return words.most_common(1)[0][0] if words else None


def _sentences(said: Sequence[Said]) -> Iterator[Utterance]:
    """A sentence may go on over several stretches, and ends where the language changes."""
    count = 0
    for language, group in groupby((one for one in said if one[1]), key=lambda one: one[0]):
        for utterance in sentences((word for _, words in group for word in words), language, first=count):
            yield utterance
            count += 1


def _reported(pieces: Iterable[SoundPiece], report: Report) -> Iterator[SoundPiece]:
    for piece in pieces:
        report(piece.start_us)
        yield piece


@lru_cache(maxsize=1)
def recogniser(options: WhisperOptions | None) -> Recogniser:
    """The recogniser of this process: it lives as long, since loading takes longer than most items."""
    return recognisers.load(options)


@lru_cache(maxsize=1)
def detector() -> VoiceDetector:
    """The voice detector of this process."""
    return VoiceDetector()
