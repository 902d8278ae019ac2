"""The stage `speech` on a real index: subtitles first, else what is heard; better models; what is off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from heimdex import Heimdex
from heimdex.encoders import catalog
from heimdex.encoders.other_rows import OTHERS
from heimdex.entities import StageRun, Transcript
from heimdex.pipeline import listening
from heimdex.store import runs, transcripts
from tests.media.speech import write_film, write_silence, write_sound
from tests.planting import lasting_workers
from tests.random_whisper import make_whisper
from tests.two_models import two_models
from tests.unit.extractors.sounds import jfk, noise

STAGES = ["scenes", "speech"]
SUBTITLES = "1\n00:00:00,500 --> 00:00:01,500\nIt begins.\n\n2\n00:00:02,000 --> 00:00:02,500\nIt ends.\n"


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@pytest.fixture
def _whisper_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "ROWS", (*catalog.ROWS, *OTHERS))


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def opened(home: Path, database_url: str, **settings: Any) -> Heimdex:
    settings = {"speech": "auto"} | settings
    return Heimdex(home=home, database_url=database_url, picture_model="fake", workers=1, **settings)


def entries(heimdex: Heimdex, path: Path) -> dict[str, StageRun]:
    """The ledger's entries of the stage by their model."""
    asset_id = heimdex.show(str(path))["asset"]["asset_id"]
    owner = heimdex.owner

    def read(connection: Any) -> dict[str, StageRun]:
        names = dict(connection.execute("SELECT model_id, name FROM heimdex.model").fetchall())
        found = runs.runs_of(connection, owner, [asset_id])
        return {names[run.model_id]: run for run in found if run.stage == "speech"}

    found: dict[str, StageRun] = heimdex.database.run(owner, read)
    return found


def transcript(heimdex: Heimdex, path: Path) -> Transcript | None:
    asset_id = heimdex.show(str(path))["asset"]["asset_id"]
    found: Transcript | None = heimdex.database.run(
        heimdex.owner, lambda c: transcripts.transcript_of(c, heimdex.owner, asset_id)
    )
    return found


def texts(heimdex: Heimdex, path: Path) -> list[str]:
    found = transcript(heimdex, path)
    assert found is not None
    return [one.text for one in found.utterances]


def test_films_recordings_silence_and_photos_each_end_as_they_should(
    home: Path, media: Path, database_url: str
) -> None:
    film = write_film(media / "film.mp4", jfk()[:72_000], late_s=1.0)
    recording = write_sound(media / "recording.flac", jfk()[:72_000])
    silence = write_silence(media / "silence.wav", 20)
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(media / "photo.png")
    with opened(home, database_url) as heimdex:
        assert heimdex.index(media, stages=STAGES).failed == ()
        for path in (film, recording):
            (entry,) = entries(heimdex, path).values()
            assert (entry.state, entry.row_count > 0) == ("done", True)
            assert "fellow" in " ".join(texts(heimdex, path))
        found = transcript(heimdex, film)
        assert found is not None
        assert (found.source, found.model, found.language) == ("speech", "starter-speech", "en")
        for path in (silence, media / "photo.png"):
            (entry,) = entries(heimdex, path).values()
            assert (entry.state, entry.row_count) == ("empty", 0)
        before = entries(heimdex, film)
        heimdex.index(media, stages=STAGES)
        assert entries(heimdex, film) == before, "nothing is heard twice"


def test_subtitles_come_first_and_a_new_changed_or_lost_file_is_noticed(
    home: Path, media: Path, database_url: str
) -> None:
    film = write_film(media / "film.mp4", noise(3))
    beside = media / "film.en.srt"
    with opened(home, database_url) as heimdex:
        heimdex.index(media, stages=STAGES)
        assert texts(heimdex, film) == []
        beside.write_text(SUBTITLES)
        heimdex.index(media, stages=STAGES)
        found = transcript(heimdex, film)
        assert found is not None
        assert (found.source, found.origin, found.language) == ("subtitles", "film.en.srt", "en")
        assert texts(heimdex, film) == ["It begins.", "It ends."]
        beside.write_text(SUBTITLES.replace("begins", "starts anew"))
        heimdex.index(media, stages=STAGES)
        assert texts(heimdex, film) == ["It starts anew.", "It ends."]
        attempt = next(iter(entries(heimdex, film).values())).attempt
        heimdex.index(media, stages=STAGES)
        assert next(iter(entries(heimdex, film).values())).attempt == attempt
        beside.unlink()
        heimdex.index(media, stages=STAGES)
        assert texts(heimdex, film) == []


def test_subtitles_that_cannot_be_read_are_told_and_the_film_is_heard(
    home: Path, media: Path, database_url: str
) -> None:
    film = write_film(media / "film.mp4", noise(3))
    (media / "film.srt").write_bytes(b"\x00\x01\x02" * 50)
    with opened(home, database_url) as heimdex:
        assert heimdex.index(media, stages=STAGES).failed == ()
        found = transcript(heimdex, film)
        assert found is not None
        assert found.source == "speech"
        assert found.note is not None
        assert found.note.startswith("film.srt: ")


@pytest.mark.usefixtures("_whisper_rows")
def test_a_better_model_replaces_and_never_mixes(home: Path, media: Path, database_url: str) -> None:
    recording = write_sound(media / "recording.flac", jfk()[:72_000])
    with opened(home, database_url) as heimdex:
        heimdex.index(media, stages=STAGES)
        assert list(entries(heimdex, recording)) == ["starter-speech"]
    make_whisper(home / "models" / "faster-whisper-tiny")
    with opened(home, database_url, speech_model="tiny") as heimdex:
        assert heimdex.index(media, stages=STAGES).failed == ()
        assert list(entries(heimdex, recording)) == ["faster-whisper-tiny"]
        found = transcript(heimdex, recording)
        assert found is not None
        assert found.model == "faster-whisper-tiny"
        assert "fellow" not in " ".join(one.text for one in found.utterances)


@pytest.mark.usefixtures("_whisper_rows")
def test_another_language_is_listened_for_again_and_subtitles_are_left_alone(
    home: Path, media: Path, database_url: str
) -> None:
    recording = write_sound(media / "recording.flac", jfk()[:72_000])
    silent, film = write_silence(media / "silent.wav", 2), write_film(media / "film.mp4", noise(2))
    (media / "film.srt").write_text(SUBTITLES)
    make_whisper(home / "models" / "faster-whisper-tiny")

    def attempts(language: str | None) -> list[int]:
        with opened(home, database_url, speech_model="tiny", speech_language=language) as heimdex:
            assert heimdex.index(media, stages=STAGES).failed == ()
            found = transcript(heimdex, recording)
            assert found is not None
            assert language is None or found.language == language
            return [
                entries(heimdex, path)["faster-whisper-tiny"].attempt for path in (recording, silent, film)
            ]

    assert attempts("en") == [1, 1, 1]
    assert attempts("en") == [1, 1, 1]
    assert attempts("de") == [2, 2, 1]
    assert attempts("de") == [2, 2, 1]
    assert attempts(None) == [3, 3, 1]


@pytest.mark.usefixtures("_whisper_rows")
def test_a_model_that_is_not_installed_puts_the_stage_off_with_one_line(
    home: Path, media: Path, database_url: str
) -> None:
    recording = write_sound(media / "recording.flac", noise(2))
    with opened(home, database_url, speech_model="base") as heimdex:
        report = heimdex.index(media, stages=STAGES)
        assert report.failed == ()
        (want,) = report.wants
        assert (want.stage, "models pull faster-whisper-base" in want.reason) == ("speech", True)
        (entry,) = entries(heimdex, recording).values()
        assert entry.state == "skipped"
        verb = listening.SpeechVerb(heimdex._tools())
        off = verb.off()
        assert off is not None
        assert "heimdex models pull faster-whisper-base" in off
        assert "\n" not in off
        verb.close()
    with opened(home, database_url) as heimdex:
        heimdex.index(media, stages=STAGES)
        assert {model: one.state for model, one in entries(heimdex, recording).items()} == {
            "starter-speech": "empty"
        }


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("off", None), ("subtitles", ["It begins.", "It ends."]), ("always", [])],
)
def test_the_setting_says_what_is_read_and_heard(
    home: Path, media: Path, database_url: str, mode: str, wanted: list[str] | None
) -> None:
    film = write_film(media / "film.mp4", noise(3))
    other = write_film(media / "other.mp4", noise(2))
    (media / "film.srt").write_text(SUBTITLES)
    with opened(home, database_url, speech=mode) as heimdex:
        assert heimdex.index(media, stages=STAGES).failed == ()
        if wanted is None:
            assert transcript(heimdex, film) is None
            assert {one.state for one in entries(heimdex, film).values()} == {"skipped"}
        else:
            assert texts(heimdex, film) == wanted
            assert texts(heimdex, other) == []
        assert [fault.what for fault in heimdex.verify().faults if fault.stage == "speech"] == []


def test_a_recording_whose_sound_is_damaged_is_heard_as_far_as_it_goes_and_says_so(
    home: Path, media: Path, database_url: str
) -> None:
    path = write_sound(media / "recording.flac", noise(20))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)
    with opened(home, database_url) as heimdex:
        assert heimdex.index(media, stages=STAGES).failed == ()
        found = transcript(heimdex, path)
        assert found is not None
        assert found.note is not None
        assert "sound up to" in found.note
