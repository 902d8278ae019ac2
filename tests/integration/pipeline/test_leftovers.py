"""What is left of attempts that did not come to their end, and of assets that were removed under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from heimdex import Heimdex
from heimdex.errors import WorkerCrashed
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import SCENES
from heimdex.pipeline.ledger import Attempt, Outcome, claim_key
from heimdex.pipeline.stages import Stages
from heimdex.store import runs

Divide = Callable[..., Outcome]


@pytest.fixture
def heimdex(database_url: str, tmp_path: Path) -> Iterator[Heimdex]:
    with Heimdex(home=tmp_path / "home", database_url=database_url, workers=1) as opened:
        yield opened


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "media" / "photo.png"
    path.parent.mkdir()
    coarse = np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((96, 64)).save(path)
    return path


def scenes_only(heimdex: Heimdex, photo: Path) -> Any:
    return heimdex.index(photo, stages=["scenes"])


def asset_id(heimdex: Heimdex) -> str:
    (line,) = heimdex.assets()["assets"]
    return str(line["asset_id"])


def attempts(heimdex: Heimdex) -> set[str]:
    return heimdex.derived.attempts(asset_id(heimdex))


def leave(heimdex: Heimdex, attempt: int) -> None:
    """What a killed process leaves of an attempt."""
    folder = heimdex.derived.attempt_folder(asset_id(heimdex), attempt)
    folder.mkdir()
    (folder / "half.jpg.part").write_bytes(b"\xff\xd8")


def make_stale(heimdex: Heimdex) -> None:
    heimdex.database.run(heimdex.owner, lambda c: c.execute("UPDATE heimdex.stage_run SET stage_version = 0"))


def instead_of_divide(monkeypatch: pytest.MonkeyPatch, divide: Callable[[Divide], Divide]) -> None:
    monkeypatch.setattr(Stages, "divide", divide(Stages.divide))


def test_files_of_a_killed_attempt_are_put_away_by_the_next_run(heimdex: Heimdex, photo: Path) -> None:
    scenes_only(heimdex, photo)
    leave(heimdex, 7)
    assert attempts(heimdex) == {"1", "7"}
    scenes_only(heimdex, photo)
    assert attempts(heimdex) == {"1"}
    assert len(list(heimdex.derived.files())) == 2


def test_the_files_of_an_asset_that_another_process_works_on_are_left_alone(
    heimdex: Heimdex, photo: Path
) -> None:
    scenes_only(heimdex, photo)
    leave(heimdex, 2)
    claims = heimdex.database.claims()
    try:
        assert claims.try_claim(claim_key(heimdex.owner, asset_id(heimdex)))
        scenes_only(heimdex, photo)
        assert attempts(heimdex) == {"1", "2"}
    finally:
        claims.close()
    scenes_only(heimdex, photo)
    assert attempts(heimdex) == {"1"}


def test_an_attempt_that_fails_takes_its_files_and_leaves_those_of_the_success_before(
    heimdex: Heimdex, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes_only(heimdex, photo)
    before = list(heimdex.derived.files())
    make_stale(heimdex)

    def failing(_: Divide) -> Divide:
        def divide(stages: Stages, item: Item, attempt: Attempt, hear: Any, *, ahead: bool) -> Outcome:
            leave(heimdex, attempt.number)
            raise WorkerCrashed("the worker process died of SIGSEGV")

        return divide

    instead_of_divide(monkeypatch, failing)
    report = scenes_only(heimdex, photo)
    assert [refusal.error for refusal in report.failed] == ["the worker process died of SIGSEGV"]
    assert list(heimdex.derived.files()) == before
    assert heimdex.show(str(photo))["scenes"], "and its rows"


def test_an_attempt_that_was_taken_over_writes_nothing_and_takes_its_files(
    heimdex: Heimdex, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(original: Divide) -> Divide:
        def divide(stages: Stages, item: Item, attempt: Attempt, hear: Any, *, ahead: bool) -> Outcome:
            outcome = original(stages, item, attempt, hear, ahead=ahead)
            heimdex.database.run(
                heimdex.owner, lambda c: runs.begin(c, heimdex.owner, attempt.key, SCENES.version)
            )
            return outcome

        return divide

    with monkeypatch.context() as patch:
        instead_of_divide(patch, overtaken)
        report = scenes_only(heimdex, photo)
    assert (report.scenes, report.failed) == (0, ())
    assert attempts(heimdex) == set()
    assert heimdex.show(str(photo))["scenes"] == []
    assert scenes_only(heimdex, photo).scenes == 1
    assert attempts(heimdex) == {"3"}


@pytest.mark.parametrize("when", ["before it is looked at", "after it was looked at"])
def test_an_asset_removed_under_a_run_is_gone_with_all_its_files(
    heimdex: Heimdex, photo: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def removing(original: Divide) -> Divide:
        def divide(stages: Stages, item: Item, attempt: Attempt, hear: Any, *, ahead: bool) -> Outcome:
            if when.startswith("before"):
                heimdex.remove(photo)
            outcome = original(stages, item, attempt, hear, ahead=ahead)
            if when.startswith("after"):
                heimdex.remove(photo)
            return outcome

        return divide

    with monkeypatch.context() as patch:
        instead_of_divide(patch, removing)
        report = heimdex.index(photo)
    assert report.failed == ()
    assert heimdex.assets()["assets"] == []
    assert list(heimdex.derived.assets()) == []
    assert heimdex.index(photo).indexed == 1


def test_an_asset_removed_while_its_vectors_are_made_ends_no_run(
    heimdex: Heimdex, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Stages.picture

    def picture(stages: Stages, group: Sequence[tuple[Item, Attempt]]) -> list[Outcome]:
        outcomes = original(stages, group)
        heimdex.remove(photo)
        return outcomes

    with monkeypatch.context() as patch:
        patch.setattr(Stages, "picture", picture)
        report = heimdex.index(photo)
    assert report.failed == ()
    assert heimdex.assets()["assets"] == []
    assert list(heimdex.derived.assets()) == []
    assert heimdex.index(photo).indexed == 1
    assert heimdex.verify().faults == ()


def test_a_kept_file_that_vanished_costs_its_vector_and_not_the_run(heimdex: Heimdex, photo: Path) -> None:
    scenes_only(heimdex, photo)
    for path in heimdex.derived.files():
        path.unlink()
    report = heimdex.index(photo)
    assert [refusal.stage for refusal in report.failed] == ["picture"]
    assert heimdex.export(str(photo))["vectors"][0]["vector"] is None
