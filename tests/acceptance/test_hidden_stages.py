"""Stages that spin in C, abort or eat memory on one item: it is recorded, and the run goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from heimdex.app import Heimdex
from heimdex.config import read_settings
from heimdex.pipeline import stages
from heimdex.pipeline.ledger import MAX_ATTEMPTS
from tests.acceptance.homes import Home
from tests.acceptance.media import counter_photo, photo
from tests.media.clips import Clip, make

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

OpenLibrary = Callable[..., Heimdex]

MISDEEDS = {
    "spin": r"^Timeout after 2\.0s$",
    "abort": r"^the worker process died of SIGABRT$",
    "segfault": r"^the worker process died of SIGSEGV$",
    "leave": r"^the worker process ended with exit code 3$",
    "stumble": r"^unexpected ZeroDivisionError: one over nothing$",
}
OUT_OF_MEMORY = r"used \d+ MiB of memory, the limit is \d+ MiB|ran out of the memory a worker may use"
RED, GREEN, BLUE = (210, 40, 40), (40, 170, 60), (50, 70, 210)
RECORD = {
    "model_name", "pretrained", "embed_dim", "normalized", "device", "frame_path", "frame_quality",
    "inference_time_ms", "created_at", "error",
}  # fmt: skip


@pytest.fixture
def open_library(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenLibrary]:
    """Opens the home, with settings, so that its workers run the jobs of `hidden.py`."""
    monkeypatch.setattr(stages, "WORK", "tests.acceptance.hidden")
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(
            Heimdex(read_settings(home=home.path, worker_memory_mb=1024, workers=2, **settings))
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "media"
    made.mkdir()
    return made


def states(library: Heimdex) -> dict[str, str]:
    return {Path(line["path"]).name: line["state"] for line in library.assets()["assets"]}


def vectors_of(library: Heimdex, path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = library.export(str(path))["vectors"]
    return found


def paint(path: Path, colour: tuple[int, int, int]) -> Path:
    Image.fromarray(photo(colour)).save(path)
    return path


def test_files_that_break_their_decoder_are_recorded_and_the_others_indexed(
    open_library: OpenLibrary, folder: Path
) -> None:
    library = open_library(stall_timeout_s=2.0)
    poisoned = [*MISDEEDS, *(f"examine-{misdeed}" for misdeed in MISDEEDS)]
    for number, stem in enumerate(poisoned):
        counter_photo(folder, number).rename(folder / f"{stem}.jpg")
    good = {counter_photo(folder, 100 + number).name for number in range(4)}

    report = library.index(folder)

    assert report.indexed == len(good)
    failed = {Path(refusal.path).stem: refusal for refusal in report.failed}
    assert set(failed) == set(poisoned)
    for stem in poisoned:
        stage, misdeed = ("examine", stem[8:]) if stem.startswith("examine-") else ("scenes", stem)
        assert failed[stem].stage == stage
        assert re.search(MISDEEDS[misdeed], failed[stem].error), failed[stem]
    found = states(library)
    assert {name for name, state in found.items() if state == "done"} == good
    assert {name for name, state in found.items() if state == "failed"} == {f"{m}.jpg" for m in MISDEEDS}
    assert {Path(line["path"]).stem for line in library.assets()["refused"]} == {
        f"examine-{misdeed}" for misdeed in MISDEEDS
    }


def test_ten_gigabytes_for_one_file_are_not_given(open_library: OpenLibrary, folder: Path) -> None:
    library = open_library()
    for number, stem in enumerate(["hoard", "examine-hoard", "good"]):
        counter_photo(folder, number).rename(folder / f"{stem}.jpg")
    report = library.index(folder)
    assert report.indexed == 1
    assert [(Path(refusal.path).stem, refusal.stage) for refusal in report.failed] == [
        ("examine-hoard", "examine"),
        ("hoard", "scenes"),
    ]
    assert all(re.search(OUT_OF_MEMORY, refusal.error) for refusal in report.failed), report.failed


def test_what_always_fails_is_given_up_after_some_runs_and_still_told(
    open_library: OpenLibrary, folder: Path
) -> None:
    library = open_library()
    poisoned = counter_photo(folder, 1).rename(folder / "abort.jpg")
    attempts = []
    for _ in range(MAX_ATTEMPTS + 2):
        report = library.index(folder)
        assert [refusal.stage for refusal in report.failed] == ["scenes"]
        attempts.append(library.show(str(poisoned))["ledger"][0]["attempt"])
    assert attempts == [*range(1, MAX_ATTEMPTS + 1), MAX_ATTEMPTS, MAX_ATTEMPTS]
    assert list(library.derived.files()) == []


@pytest.mark.parametrize(
    ("misdeed", "image_timeout_s", "error"),
    [
        ("spin", 2.0, r"^Timeout after 2\.0s$"),
        ("abort", 60.0, r"^the worker process died of SIGABRT$"),
        ("hoard", 60.0, f"^Out of memory: ({OUT_OF_MEMORY})"),
    ],
)
def test_a_picture_that_breaks_the_encoder_costs_its_own_vector_and_no_other(
    open_library: OpenLibrary,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    misdeed: str,
    image_timeout_s: float,
    error: str,
) -> None:
    library = open_library(image_timeout_s=image_timeout_s)
    monkeypatch.setenv("HIDDEN_ENCODE", misdeed)
    red, green = paint(folder / "red.jpg", RED), paint(folder / "green.jpg", GREEN)
    film = make(Clip(width=160, height=90, count=75, cuts=(25, 50), group=25), folder)  # reddish, green, blue

    report = library.index(folder)

    assert {Path(refusal.path) for refusal in report.failed} == {red, film}
    assert all(refusal.stage == "picture" for refusal in report.failed)
    assert states(library) == {red.name: "partial", green.name: "done", film.name: "partial"}
    for vector in vectors_of(library, red):
        record = vector["metadata"]
        assert set(record) >= RECORD
        assert re.search(error, record["error"])
        assert (vector["vector"], record["frame_quality"], record["inference_time_ms"]) == (None, None, None)
        assert record["model_name"] == "starter"
    for vector in vectors_of(library, green):
        record = vector["metadata"]
        assert record["error"] is None
        assert record["frame_quality"]["quality_score"] > 0
        assert record["inference_time_ms"] > 0
        assert len(vector["vector"]) == record["embed_dim"]
    of_film = vectors_of(library, film)
    lost = [vector for vector in of_film if vector["vector"] is None]
    assert 0 < len(lost) < len(of_film), "the other scenes have theirs"

    monkeypatch.setenv("HIDDEN_ENCODE", "")
    again = library.index(folder)
    assert again.failed == ()
    assert set(states(library).values()) == {"done"}
    assert all(vector["vector"] for vector in [*vectors_of(library, red), *vectors_of(library, film)])
    assert library.verify().faults == ()
