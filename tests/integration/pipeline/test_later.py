"""The runner of the later stages, with verbs that do as they are told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdex import Heimdex
from heimdex.entities import StageState
from heimdex.pipeline import later
from heimdex.pipeline.flow import LATER
from tests import fake_verbs
from tests.fake_verbs import Told
from tests.planting import lasting_workers, make_media
from tests.two_models import two_models

NAMES = [stage.name for stage in LATER]


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_media(tmp_path_factory.mktemp("library") / "media")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    names = {stage.name: f"{stage.name.capitalize()}Verb" for stage in LATER}
    monkeypatch.setattr(later, "VERBS", {stage: f"tests.fake_verbs:{verb}" for stage, verb in names.items()})
    return fake_verbs.forget()


@pytest.fixture
def library(database_url: str, tmp_path: Path, told: Told) -> Iterator[Heimdex]:
    settings: dict[str, Any] = {"picture_model": "fake", "workers": 2}
    with Heimdex(home=tmp_path / "home", database_url=database_url, **settings) as heimdex:
        yield heimdex


def entries(library: Heimdex, path: Path) -> dict[str, str]:
    return {run["stage"]: run["state"] for run in library.show(str(path))["ledger"]}


def of(told: Told, stage: str) -> list[str]:
    return sorted(name for ran, name in told.ran if ran == stage)


def test_every_asset_gets_every_later_stage_once(library: Heimdex, media: Path, told: Told) -> None:
    assert library.index(media).failed == ()
    files = len(library.assets()["assets"])
    assert {stage: len(of(told, stage)) for stage in NAMES} == dict.fromkeys(NAMES, files)
    red = [stage for stage, name in told.ran if name == "red.jpg"]
    assert red[-1] == "text", "it rests on the rows of the others"
    assert {asset["state"] for asset in library.assets()["assets"]} == {"done"}
    told.ran.clear()
    again = library.index(media)
    assert (told.ran, again.indexed) == ([], 0)


def test_a_stage_that_is_off_is_skipped_and_runs_once_it_is_on(
    library: Heimdex, media: Path, told: Told
) -> None:
    told.off["description"] = "no endpoint is set"
    library.index(media)
    assert entries(library, media / "red.jpg")["description"] == "skipped"
    assert of(told, "description") == []
    assert {asset["state"] for asset in library.assets()["assets"]} == {"done"}
    told.ran.clear()
    told.off.clear()
    assert library.index(media).indexed >= len(library.assets()["assets"]), "they changed"
    assert {stage for stage, _ in told.ran} == {"description", "text"}, "the text rests on it"


def test_a_failure_costs_its_own_stage_and_is_told_until_it_is_mended(
    library: Heimdex, media: Path, told: Told
) -> None:
    told.fails.add(("writing", "red.jpg"))
    for attempt in range(1, 5):
        told.ran.clear()
        report = library.index(media)
        assert [(refusal.stage, refusal.error) for refusal in report.failed] == [
            ("writing", "writing broke on red.jpg")
        ]
        assert of(told, "writing").count("red.jpg") == (attempt <= 3), "then only when asked"
    shown = entries(library, media / "red.jpg")
    assert (shown["speech"], shown["writing"]) == ("done", "failed")
    assert shown["text"] == "done", "what there is can be found"
    assert {a["path"]: a["state"] for a in library.assets()["assets"]}[str(media / "red.jpg")] == "partial"
    told.fails.clear()
    library.index(media, repair=True)
    assert entries(library, media / "red.jpg")["writing"] == "done"


def test_a_stage_that_is_due_for_a_reason_of_its_own_takes_its_followers_along(
    library: Heimdex, media: Path, told: Told
) -> None:
    library.index(media)
    told.ran.clear()
    told.due.add("speech")
    library.index(media)
    assert {stage for stage, _ in told.ran} == {"speech", "text"}


def test_another_model_of_a_stage_runs_it_and_what_rests_on_it(
    library: Heimdex, media: Path, told: Told
) -> None:
    library.index(media)
    told.ran.clear()
    told.models["writing"] = 2
    library.index(media)
    assert {stage for stage, _ in told.ran} == {"writing", "text"}


def test_what_has_to_wait_stays_pending_and_goes_on_with_the_next_run(
    library: Heimdex, media: Path, told: Told
) -> None:
    told.waits["description"] = 2
    library.index(media)
    assert len(of(told, "description")) == 2
    assert library.index(media).failed == ()
    assert len(of(told, "description")) == 2, "a new run asks first"
    told.waits.clear()
    library.index(media)
    assert len(of(told, "description")) == len(library.assets()["assets"])


def test_what_a_stage_has_nothing_to_do_with_is_settled_without_work(
    library: Heimdex, media: Path, told: Told
) -> None:
    told.settles["speech"] = StageState.EMPTY
    library.index(media)
    assert of(told, "speech") == []
    assert entries(library, media / "red.jpg")["speech"] == "empty"


def test_only_the_stages_asked_for_run(library: Heimdex, media: Path, told: Told) -> None:
    library.index(media, stages=["scenes", "picture", "writing"])
    assert {stage for stage, _ in told.ran} == {"writing"}
    assert {asset["state"] for asset in library.assets()["assets"]} == {"partial"}


def test_an_interrupted_run_ends_its_verbs_and_the_next_goes_on(
    library: Heimdex, media: Path, told: Told
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    told.during = interrupt
    with pytest.raises(KeyboardInterrupt):
        library.index(media)
    assert told.closed == len(NAMES)
    told.during = None
    told.ran.clear()
    assert library.index(media).failed == ()
    assert {stage: len(of(told, stage)) for stage in NAMES} == dict.fromkeys(
        NAMES, len(library.assets()["assets"])
    )


def test_an_asset_removed_meanwhile_is_no_failure(library: Heimdex, media: Path, told: Told) -> None:
    def remove(item: Any, report: Any) -> None:
        if item.stamp.text.endswith("red.jpg") and once.acquire(blocking=False):  # stages run side by side
            removed.extend(library.remove(item.stamp.text))
            report(None)

    once = threading.Lock()
    removed: list[str] = []
    told.during = remove
    assert library.index(media).failed == ()
    assert len(removed) == 1
    assert str(media / "red.jpg") not in {asset["path"] for asset in library.assets()["assets"]}
