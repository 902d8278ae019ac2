"""Exports of an indexed library: subtitles, cut lists, sidecars; recordings have scenes, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from heimdex.app import Heimdex
from heimdex.cli.commands import app
from heimdex.entities import Kind, TextLine, Transcript, Utterance, Word
from heimdex.errors import NotFound, UsageError
from heimdex.media.subtitle_formats import raw_cues
from heimdex.store import text_lines, transcripts
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.media.sounds import Recording, record
from tests.planting import fake_model, lasting_workers, make_media
from tests.unit.scenes.test_quiet import talk

UTTERANCES = (
    Utterance(
        position=0,
        start_us=400_000,
        end_us=1_900_000,
        text="Ask not & <wait>.",
        language="en",
        words=(
            Word(text="Ask", start_us=400_000, end_us=600_000, confidence=0.9),
            Word(text="not & <wait>.", start_us=700_000, end_us=1_900_000, confidence=0.8),
        ),
    ),
    Utterance(position=1, start_us=2_000_000, end_us=3_500_000, text="はい。", language="ja"),
)


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with fake_model(), lasting_workers():
        yield


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_media(tmp_path_factory.mktemp("library") / "media")
    speech = talk(70, [(21, 22), (44, 45.5)])
    fine = np.interp(np.arange(70 * 48_000) / 3, np.arange(len(speech)), speech)
    samples = (fine[None] / 2).astype(np.float32)
    record(Recording(samples=samples, codec="flac", ending="flac", block=4096), folder / "lecture.flac")
    return folder


@pytest.fixture(scope="module")
def heimdex(
    database_server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory, media: Path
) -> Iterator[Heimdex]:
    """One library for all: what a test adds to it, no other looks at."""
    database_server.admin(f"CREATE DATABASE exports TEMPLATE {TEMPLATE}")
    settings: dict[str, Any] = {
        "home": tmp_path_factory.mktemp("home"),
        "database_url": database_server.url("exports"),
    }
    with Heimdex(picture_model="fake", workers=2, **settings) as opened:
        opened.index(media, stages=["scenes", "picture"])
        yield opened
    database_server.admin("DROP DATABASE exports WITH (FORCE)")


def say(heimdex: Heimdex, media: Path, name: str, utterances: tuple[Utterance, ...] = UTTERANCES) -> str:
    asset_id = str(heimdex.show(str(media / name))["asset"]["asset_id"])
    said = Transcript(
        source="subtitles", model="subtitles", language="en", utterances=utterances, origin="a.srt"
    )
    heimdex.database.run(
        heimdex.owner, lambda c: transcripts.replace_transcript(c, heimdex.owner, asset_id, said, ())
    )
    return asset_id


def events(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line[:3].isdigit()]


def test_a_lecture_is_divided_in_its_pauses_and_found(heimdex: Heimdex, media: Path) -> None:
    shown = heimdex.show(str(media / "lecture.flac"))
    assert [scene["start"] for scene in shown["scenes"]] == pytest.approx([0, 21.5, 44.75], abs=0.1)
    assert shown["scenes"][-1]["end"] == pytest.approx(70, abs=0.01)
    assert all(scene["keyframes"] == [] for scene in shown["scenes"])
    found = heimdex.search("lecture", kind="audio")
    assert {hit.scene_id for hit in found.hits} == {scene["scene_id"] for scene in shown["scenes"]}
    assert all(hit.thumbnail is None and hit.kind == Kind.AUDIO for hit in found.hits)
    assert all(0 <= hit.start_us < hit.end_us <= 70_000_000 for hit in found.hits)


def test_recordings_do_not_count_as_pictures_that_are_missing(heimdex: Heimdex, media: Path) -> None:
    status = heimdex.status()
    assert [entry["share"] for entry in status["coverage"]] == [1.0] * len(status["coverage"])
    assert not [one for one in heimdex.search("red").unavailable if one.signal == "picture"]
    report = heimdex.backfill()
    assert (report.scenes, report.remaining, report.failed) == (0, 0, ())
    faults = [
        fault for fault in heimdex.verify(sample=-1).faults if fault.stage in (None, "scenes", "picture")
    ]
    assert faults == []


def test_scenes_of_recordings_that_are_lost_are_found_and_come_back(heimdex: Heimdex, media: Path) -> None:
    asset_id = heimdex.show(str(media / "lecture.flac"))["asset"]["asset_id"]
    heimdex.database.run(
        heimdex.owner,
        lambda c: c.execute("DELETE FROM heimdex.scene WHERE asset_id = %s AND position = 1", [asset_id]),
    )
    assert "scenes" in {fault.stage for fault in heimdex.verify().faults if fault.asset_id == asset_id}
    heimdex.index(media, stages=["scenes", "picture"], repair=True)
    assert len(heimdex.show(asset_id)["scenes"]) == 3


def test_subtitles_are_written_as_they_were_said(heimdex: Heimdex, media: Path) -> None:
    asset_id = say(heimdex, media, "film.mp4")
    srt, vtt = (heimdex.export_text(asset_id, form) for form in ("srt", "vtt"))
    assert srt.startswith("1\n00:00:00,400 --> 00:00:01,900\nAsk not & <wait>.\n\n2\n00:00:02,000 -->")
    assert vtt.startswith("WEBVTT\n\n00:00:00.400 --> 00:00:01.900\nAsk not &amp; &lt;wait&gt;.\n")
    assert [cue.raw.strip() for cue in raw_cues(srt)][1] == "はい。"


def test_what_has_no_words_says_so(heimdex: Heimdex, media: Path) -> None:
    with pytest.raises(NotFound, match="has no transcript yet"):
        heimdex.export_text(str(media / "red.jpg"), "srt")
    silent = say(heimdex, media, "short.mp4", ())
    with pytest.raises(NotFound, match="nothing is said"):
        heimdex.export_text(silent, "vtt")
    with pytest.raises(UsageError, match="srt, vtt, edl"):
        heimdex.export_text(silent, "docx")


def test_the_scenes_of_a_film_are_a_cut_list_exact_to_the_frame(heimdex: Heimdex, media: Path) -> None:
    shown = heimdex.show(str(media / "film.mp4"))
    cuts = [round(scene["start"] * 25) for scene in shown["scenes"]]
    assert cuts == [0, 40, 110]
    text = heimdex.export_text(shown["asset"]["asset_id"], "edl")
    assert [event[4] for event in events(text)] == ["00:00:00:00", "00:00:01:15", "00:00:04:10"]
    assert text.count("* FROM CLIP NAME: film.mp4") == 3


def test_the_hits_of_a_search_are_a_cut_list(heimdex: Heimdex, media: Path) -> None:
    answer = heimdex.search("lecture", kind="audio")
    (first, *_) = found = events(heimdex.cut_list(answer))
    assert len(found) == len(answer.hits) >= 1
    assert (first[1:4], first[6]) == (["LECTURE", "A", "C"], "01:00:00:00")
    best = answer.hits[0]
    assert first[4][:8] == f"00:00:{int(best.start_us / 1e6):02d}"
    with pytest.raises(NotFound, match="nothing was found"):
        heimdex.cut_list(heimdex.search("lecture", kind="audio", within=str(media / "copies")))


def test_a_sidecar_holds_what_is_said_and_written(heimdex: Heimdex, media: Path) -> None:
    asset_id = say(heimdex, media, "film.mp4")
    scene_id = heimdex.show(asset_id)["scenes"][0]["scene_id"]
    line = TextLine(
        scene_id=scene_id, at_us=0, start_us=0, end_us=9, text="EXIT 12", box=(0.0, 0.5, 0.25, 0.125),
        confidence=0.75, script="Latn",
    )  # fmt: skip
    heimdex.database.run(
        heimdex.owner, lambda c: text_lines.replace_lines(c, heimdex.owner, asset_id, [line])
    )
    document = json.loads(json.dumps(heimdex.export(asset_id)))
    assert document["format"] == "heimdex-sidecar/1"
    assert [u["text"] for u in document["transcript"]["utterances"]] == ["Ask not & <wait>.", "はい。"]
    assert document["transcript"]["utterances"][0]["words"][0] == {
        "text": "Ask", "start": 0.4, "end": 0.6, "confidence": 0.9,
    }  # fmt: skip
    assert [(entry["text"], entry["box"]) for entry in document["text_lines"]] == [
        ("EXIT 12", [0, 0.5, 0.25, 0.125])
    ]
    assert document["descriptions"] == []


def test_the_command_writes_texts_files_and_documents(heimdex: Heimdex, media: Path, tmp_path: Path) -> None:
    asset_id = say(heimdex, media, "film.mp4")
    expected = heimdex.export_text(asset_id, "srt")
    settings = heimdex.settings
    environment = {
        "HEIMDEX_HOME": str(settings.home),
        "HEIMDEX_DATABASE_URL": settings.database_url or "",
        "HEIMDEX_PICTURE_MODEL": "fake",
    }

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, list(words), env=environment)

    done = run("export", asset_id, "--as", "srt")
    assert done.stdout == expected, repr(done.exception)
    assert json.loads(run("export", asset_id, "--as", "vtt", "--json").stdout)["format"] == "vtt"
    run("export", asset_id, "--as", "srt", "-o", str(tmp_path / "film.srt"))
    assert (tmp_path / "film.srt").read_text(encoding="utf-8") == expected
    assert run("search", "film", "--as", "edl").stdout.startswith("TITLE: film\n")
    assert run("search", "film", "--as", "srt").exit_code == 2
    assert run("export", asset_id, "--as", "docx").exit_code == 2
    assert run("export", str(media / "red.jpg"), "--as", "srt").exit_code == 1
