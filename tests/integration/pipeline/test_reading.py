"""The stage `writing`: what is written in films and photos, read once, kept with its span; and what fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from heimdex import Heimdex
from heimdex.entities import Picture, TextLine
from heimdex.pipeline import reading
from heimdex.pipeline.tools import WritingOptions
from heimdex.store import text_lines
from tests.fake_reading import BLUE, RED, YELLOW
from tests.media.clips import Clip, Sound, make
from tests.planting import lasting_workers
from tests.two_models import two_models

STAGES = ["scenes", "writing"]
SCENE_FRAMES, RATE = 20, 25
Colour = tuple[int, int, int]


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@pytest.fixture
def library(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heimdex]:
    monkeypatch.setattr("heimdex.app.parts.writing_options", lambda _: WritingOptions(image_timeout_s=3))
    settings: dict[str, Any] = {"picture_model": "fake", "workers": 1, "stall_timeout_s": 3}
    with Heimdex(home=tmp_path / "home", database_url=database_url, **settings) as heimdex:
        yield heimdex


@pytest.fixture
def fake_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "JOBS", "tests.fake_reading")


def grey(level: int) -> Colour:
    return level, level, level


def steps(*colours: Colour) -> Clip:
    """A film whose scenes have a corner of these colours, and a ground that changes with them."""

    def paint(number: int) -> Picture:
        scene = number // SCENE_FRAMES
        y, x = np.mgrid[0:180, 0:320]
        ground = 128 + 100 * np.sin((x if scene % 2 else y) * (scene + 2) / 20 + number / 50)
        picture = np.repeat(ground[..., np.newaxis], 3, axis=2).astype(np.uint8)
        picture[:24, :24] = colours[scene]
        return picture

    count = SCENE_FRAMES * len(colours)
    return Clip(count=count, group=12, pixels="yuv444p", paint=paint, paint_name=f"steps {colours}")


def lines(library: Heimdex, path: Path) -> list[TextLine]:
    asset_id = library.show(str(path))["asset"]["asset_id"]
    owner = library.owner
    return library.database.run(owner, lambda c: text_lines.lines_of(c, owner, asset_id), read_only=True)


def entry(library: Heimdex, path: Path) -> tuple[str, int, str | None]:
    (run,) = [run for run in library.show(str(path))["ledger"] if run["stage"] == "writing"]
    return run["state"], run["rows"], run["error"]


def test_titles_of_a_film_and_a_sign_in_a_photo_are_read(library: Heimdex, tmp_path: Path) -> None:
    titles = ("Arrival at Dawn", "The Harbour Master", "")

    def paint(number: int) -> Picture:
        scene = number // SCENE_FRAMES
        image = Image.new("RGB", (640, 360), ((30, 40, 60), (120, 60, 30), (60, 110, 70))[scene])
        drawing = ImageDraw.Draw(image)
        drawing.text((40, 290), titles[scene], font=ImageFont.load_default(30), fill=(240, 240, 240))
        drawing.text((520, 20), "NEWS 24", font=ImageFont.load_default(22), fill=(240, 240, 240))
        return np.array(image)

    folder = tmp_path / "media"
    film = make(Clip(width=640, height=360, count=3 * SCENE_FRAMES, paint=paint, paint_name="titles"), folder)
    photo = folder / "sign.png"
    Image.fromarray(paint(0)[270:, :]).save(photo)
    sound = make(Clip(codec=None, ending="m4a", sound=Sound(seconds=1.0)), folder)
    assert library.index(folder, stages=STAGES).failed == ()
    found = {line.text: line for line in lines(library, film)}
    assert set(found) == {"Arrival at Dawn", "The Harbour Master", "NEWS 24"}
    cut, end = SCENE_FRAMES * 1_000_000 // RATE, 3 * SCENE_FRAMES * 1_000_000 // RATE
    title, logo = found["The Harbour Master"], found["NEWS 24"]
    assert (title.start_us, title.end_us) == (cut, 2 * cut)
    assert (logo.start_us, logo.end_us) == (0, end)
    assert logo.box[0] == pytest.approx(520 / 640, abs=0.02)
    assert logo.box[1] == pytest.approx(25 / 360, abs=0.03)
    assert title.scene_id == library.show(str(film))["scenes"][1]["scene_id"]
    assert [line.text for line in lines(library, photo)] == ["Arrival at Dawn"]
    assert entry(library, film)[:2] == ("done", 3)
    assert entry(library, sound)[:2] == ("empty", 0)


@pytest.mark.parametrize(
    ("colour", "reason"),
    [(RED, "exit code 3"), (BLUE, "cannot be read"), (YELLOW, "Timeout")],
    ids=["ends the process", "fails", "hangs"],
)
def test_a_picture_that_breaks_the_reader_costs_itself_and_no_other(
    library: Heimdex, tmp_path: Path, fake_reader: None, colour: Colour, reason: str
) -> None:
    folder = tmp_path / "media"
    film = make(steps(grey(40), colour, grey(120)), folder)
    library.index(folder, stages=STAGES)
    state, count, error = entry(library, film)
    assert (state, count) == ("failed", 2)
    assert error is not None
    assert reason in error
    assert "pictures could not be read" in error
    assert [line.text for line in lines(library, film)] == ["step bbbbb", "step ddddd"]


def test_a_film_that_always_ends_the_process_is_given_up(
    library: Heimdex, tmp_path: Path, fake_reader: None
) -> None:
    folder = tmp_path / "media"
    film = make(steps(*[RED] * 9), folder)
    library.index(folder, stages=STAGES)
    state, count, error = entry(library, film)
    assert (state, count) == ("failed", 0)
    assert error is not None
    assert "exit code 3" in error


def test_a_photo_that_ends_the_process_fails_and_the_next_is_read(
    library: Heimdex, tmp_path: Path, fake_reader: None
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    for name, colour in (("a.png", RED), ("b.png", grey(200))):
        Image.new("RGB", (64, 64), colour).save(folder / name)
    library.index(folder, stages=STAGES)
    assert entry(library, folder / "a.png")[0] == "failed"
    assert [line.text for line in lines(library, folder / "b.png")] == ["step fffff"]


def test_a_second_run_reads_nothing_again(library: Heimdex, tmp_path: Path, fake_reader: None) -> None:
    folder = tmp_path / "media"
    film = make(steps(grey(40), grey(120)), folder)
    library.index(folder, stages=STAGES)
    before = lines(library, film)
    assert library.index(folder, stages=STAGES).indexed == 0
    assert lines(library, film) == before
    assert len(before) == 2


def test_where_writing_is_not_to_be_read_the_stage_is_skipped(
    library: Heimdex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heimdex.app.parts.writing_options", lambda _: WritingOptions(on=False))
    film = make(steps(grey(40)), tmp_path / "media")
    library.index(tmp_path / "media", stages=STAGES)
    assert entry(library, film)[0] == "skipped"
    assert lines(library, film) == []
