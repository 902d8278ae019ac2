"""What a worker hears and reads: real and broken recordings, films and subtitles."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from heimdex.entities import Facts, Transcript, Word
from heimdex.errors import MediaError
from heimdex.extractors.recogniser import Stretch
from heimdex.extractors.recognisers import WhisperOptions
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.pipeline import hearing
from tests.media.speech import write_film, write_silence, write_sound
from tests.random_whisper import FILES, WhisperSizes, make_whisper
from tests.unit.extractors.sounds import SAID, jfk, music, noise, word_errors

SECOND = 1_000_000


def facts_of(path: Path) -> Facts:
    recognised = recognise(os.fsencode(path))
    assert recognised is not None
    return probe(os.fsencode(path), recognised, max_pixels=10**8)


def listen(path: Path, options: WhisperOptions | None = None) -> Transcript:
    reports: list[Any] = []
    found = hearing.listen(lambda *said: reports.append(said), os.fsencode(path), facts_of(path), options)
    assert reports or facts_of(path).duration_us == 0
    return found


def said(transcript: Transcript) -> list[str]:
    return [word.text for utterance in transcript.utterances for word in utterance.words]


def at_s(transcript: Transcript, word: str) -> float:
    """When a word is first said."""
    return min(
        one.start_us / SECOND
        for utterance in transcript.utterances
        for one in utterance.words
        if one.text == word
    )


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> WhisperOptions:
    folder = make_whisper(tmp_path_factory.mktemp("models") / "faster-whisper-tiny")
    return WhisperOptions(name="faster-whisper-tiny", folder=folder, files=FILES, threads=1)


def test_what_is_said_in_a_film_is_found_within_a_second_by_the_starter(tmp_path: Path) -> None:
    found = listen(write_film(tmp_path / "film.mp4", jfk(), late_s=3.0))
    assert (found.source, found.model, found.language) == ("speech", "starter-speech", "en")
    assert word_errors(SAID.split(), said(found)) < 0.45
    assert at_s(found, "fellow") == pytest.approx(4.2, abs=1.0)
    assert at_s(found, "country") == pytest.approx(8.9, abs=1.0) or at_s(found, "country") == pytest.approx(
        13, abs=1
    )
    assert [one.position for one in found.utterances] == list(range(len(found.utterances)))
    assert len(found.utterances) > 1


def test_the_path_of_whisper_runs_to_its_end(tmp_path: Path, whisper: WhisperOptions) -> None:
    found = listen(write_sound(tmp_path / "speech.flac", jfk()), whisper)
    assert (found.source, found.model) == ("speech", "faster-whisper-tiny")
    assert len(said(found)) > 20
    for utterance in found.utterances:
        assert 0 <= utterance.start_us <= utterance.end_us <= 11 * SECOND
        assert utterance.text
        assert utterance.language == found.language


def test_a_loop_a_model_falls_into_is_left_standing_once_and_told(
    tmp_path: Path, whisper: WhisperOptions
) -> None:
    folder = make_whisper(tmp_path / "looping", WhisperSizes(loops=True))
    looping = dataclasses.replace(whisper, folder=folder)
    found = listen(write_sound(tmp_path / "speech.flac", jfk()), looping)
    assert len(said(found)) < 10
    assert found.note is not None
    assert "words that repeat themselves" in found.note


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros(200_000, np.float32),
        lambda: music(12),
        lambda: noise(12),
        lambda: np.zeros(1, np.float32),
    ],
    ids=["silence", "music", "noise", "one sample"],
)
def test_where_nobody_speaks_nothing_is_written_down(
    tmp_path: Path, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(options: object) -> None:
        raise AssertionError("the recogniser is loaded for nothing")

    monkeypatch.setattr(hearing, "recogniser", refuse)
    found = listen(write_sound(tmp_path / "sound.flac", make()))
    assert found == Transcript(source="speech", model="starter-speech", language=None, utterances=())


def test_two_hours_of_silence_are_empty(tmp_path: Path) -> None:
    path = write_silence(tmp_path / "long.wav", 2 * 3600)
    assert facts_of(path).duration_us == 7200 * SECOND
    assert listen(path).utterances == ()


def test_eight_channels_are_heard_as_one(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "eight.flac", jfk()[:80_000], layout="7.1")
    with av.open(str(path)) as container:
        assert container.streams.audio[0].channels == 8
    assert "fellow" in said(listen(path))


def test_a_recording_cut_off_in_the_middle_gives_what_there_is_and_says_so(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "speech.flac", jfk())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = listen(path)
    assert said(found)
    assert found.note is not None
    assert "ends before its stated duration" in found.note


def test_a_recording_without_any_sound_is_refused_or_empty(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "speech.flac", noise(5))
    facts = facts_of(path)
    path.write_bytes(path.read_bytes()[:100])
    try:
        found = hearing.listen(lambda *_: None, os.fsencode(path), facts, None)
    except MediaError:
        return
    assert found.utterances == ()


def test_subtitles_beside_a_film_are_read_before_anything_is_heard(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", noise(4))
    (tmp_path / "film.en.srt").write_text(
        "1\n00:00:00,500 --> 00:00:01,500\nThis is how\n\n2\n00:00:01,600 --> 00:00:02,500\nit begins.\n"
    )
    (tmp_path / "film.de.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nSo fängt es an.\n")
    (tmp_path / "film.fr.srt").write_text("no subtitles at all")
    report = hearing.read_subtitles(lambda *_: None, os.fsencode(film), facts_of(film), "en")
    assert report.transcript is not None
    assert (report.transcript.source, report.transcript.language) == ("subtitles", "en")
    assert report.transcript.origin == "film.en.srt"
    (one,) = report.transcript.utterances
    assert (one.text, one.start_us, one.end_us) == ("This is how it begins.", 500_000, 2_500_000)
    assert report.note is not None
    assert report.note.startswith("film.fr.srt: ")
    german = hearing.read_subtitles(lambda *_: None, os.fsencode(film), facts_of(film), "de").transcript
    assert german is not None
    assert german.utterances[0].text == "So fängt es an."


def test_without_subtitles_there_is_nothing_to_read(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", noise(2))
    found = hearing.read_subtitles(lambda *_: None, os.fsencode(film), facts_of(film), None)
    assert found == hearing.Subtitled()


def test_stretches_are_given_to_a_recogniser_in_batches_of_so_much_sound() -> None:
    stretches = [Stretch(start_us=n * 10 * SECOND, samples=noise(4)) for n in range(7)]
    assert [len(batch) for batch in hearing.batches(stretches, 10 * SECOND)] == [2, 2, 2, 1]
    assert [len(batch) for batch in hearing.batches(stretches, 0)] == [1] * 7
    assert list(hearing.batches([], 10)) == []


def test_the_language_is_that_of_most_words() -> None:
    word = Word(text=" a", start_us=0, end_us=1)
    assert (
        hearing.main_language([("en", (word,) * 3), ("de", (word,) * 2), ("en", ()), ("de", (word,) * 2)])
        == "de"
    )
    assert hearing.main_language([("en", ())]) is None


def test_a_sentence_goes_on_over_stretches_and_ends_where_the_language_changes() -> None:
    def words(text: str, start_s: float) -> tuple[Word, ...]:
        return tuple(
            Word(
                text=f" {one}",
                start_us=round((start_s + n * 0.3) * SECOND),
                end_us=round((start_s + n * 0.3 + 0.3) * SECOND),
            )
            for n, one in enumerate(text.split())
        )

    heard = [
        ("en", words("We shall", 0)),
        ("en", ()),
        ("en", words("overcome.", 1)),
        ("de", words("Ja das ist", 2)),
        ("de", words("gut.", 3)),
    ]
    found = list(hearing._sentences(heard))
    assert [(one.position, one.language, one.text) for one in found] == [
        (0, "en", "We shall overcome."),
        (1, "de", "Ja das ist gut."),
    ]
