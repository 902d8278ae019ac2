"""Vectors of a second model beside those in use: what is made, left out, tried again, and by whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from heimdex import Heimdex
from heimdex.entities import StageState
from heimdex.errors import ModelUnavailable, NotFound, UsageError
from heimdex.pipeline import models
from heimdex.pipeline.backfill_tally import BackfillOptions, BackfillProgress, BackfillReport
from heimdex.pipeline.ledger import claim_key
from heimdex.store import backlog, nearest, runs, vectors
from tests.planting import lasting_workers, make_media
from tests.two_models import SLOW, two_models

ALL = BackfillOptions()


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of three scenes and one, a recording, four photos."""
    return make_media(tmp_path_factory.mktemp("library") / "media")


@pytest.fixture
def heimdex(database_url: str, tmp_path: Path, media: Path) -> Iterator[Heimdex]:
    settings: dict[str, Any] = {"home": tmp_path / "home", "database_url": database_url}
    with Heimdex(picture_model="fake", workers=2, **settings) as opened:
        opened.index(media)
        yield opened


def stored(heimdex: Heimdex, model: str) -> dict[tuple[str, str], str | None]:
    """A model's vectors by kept frame and space, in the database's own words."""
    rows = heimdex.database.run(
        heimdex.owner,
        lambda c: c.execute(
            "SELECT v.keyframe_id::text, p.name, v.embedding::text FROM heimdex.vector v "
            "JOIN heimdex.space p USING (space_id) JOIN heimdex.model m USING (model_id) WHERE m.name = %s",
            [model],
        ).fetchall(),
    )
    return {(keyframe, space): values for keyframe, space, values in rows}


def entries(heimdex: Heimdex, model: str) -> list[tuple[str, int, int]]:
    """(state, rows, attempt) of the model's stage, asset by asset."""
    found: list[tuple[str, int, int]] = heimdex.database.run(
        heimdex.owner,
        lambda c: c.execute(
            "SELECT r.state, r.row_count, r.attempt FROM heimdex.stage_run r "
            "JOIN heimdex.model m USING (model_id) WHERE m.name = %s ORDER BY r.asset_id",
            [model],
        ).fetchall(),
    )
    return found


def visible(heimdex: Heimdex) -> int:
    """How many scenes can be seen: not those of recordings."""
    shown = (heimdex.show(asset["asset_id"]) for asset in heimdex.assets()["assets"])
    return sum(bool(scene["keyframes"]) for asset in shown for scene in asset["scenes"])


def kept_frames(heimdex: Heimdex) -> list[Path]:
    return sorted(p for p in heimdex.derived.root.rglob("*.jpg") if not p.stem.endswith("thumb"))


def by_hand(heimdex: Heimdex, statement: str, **parameters: Any) -> None:
    heimdex.database.run(heimdex.owner, lambda c: c.execute(statement, parameters))


def test_every_kept_frame_gets_its_vectors_beside_those_in_use(heimdex: Heimdex) -> None:
    before = stored(heimdex, "fake")
    report = heimdex.backfill("second")
    status = heimdex.status()
    assert (report.model, report.assets, report.scenes) == ("second", status["assets"], visible(heimdex))
    assert report.vectors == 2 * status["keyframes"] == len(stored(heimdex, "second"))
    assert (report.failed, report.skipped, report.remaining, report.dry_run) == ((), 0, 0, False)
    assert stored(heimdex, "fake") == before
    assert not set(stored(heimdex, "second").values()) & set(before.values())
    states = {state for state, _, _ in entries(heimdex, "second")}
    assert states == {StageState.DONE, StageState.EMPTY}, "the recording has nothing to encode"
    assert heimdex.verify(sample=-1).faults == ()


def test_what_is_backfilled_is_what_an_index_with_that_model_makes(heimdex: Heimdex, media: Path) -> None:
    heimdex.backfill("second")
    filled = stored(heimdex, "second")
    heimdex.model_change.choose(heimdex.owner, "second")
    other = Heimdex(replace_settings(heimdex, picture_model="second"))
    with other:
        assert other.model.row.name == "second"
        assert other.index(media).indexed == 0, "nothing is left to do"
        assert other.verify(sample=-1).faults == ()
        by_hand(other, "DELETE FROM heimdex.vector WHERE space_id = ANY(%(s)s)", s=spaces(other))
        by_hand(other, "UPDATE heimdex.stage_run SET state = 'pending' WHERE stage = 'picture'")
        other.index(media)
        assert stored(other, "second") == filled


def test_a_second_run_finds_nothing_to_do_and_loads_no_model(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch
) -> None:
    heimdex.backfill("second")
    monkeypatch.setattr("heimdex.pipeline.stages.Stages.load_model", lambda _: pytest.fail("loaded"))
    report = heimdex.backfill("next/best")
    assert (report.model, report.assets, report.scenes, report.vectors) == ("second", 0, 0, 0)


def test_a_limit_ends_within_a_film_and_nothing_is_done_that_is_not(heimdex: Heimdex) -> None:
    total = visible(heimdex)
    made: dict[tuple[str, str], str | None] = {}
    for done in range(1, total + 1):
        report = heimdex.backfill("second", options=replace(ALL, max_scenes=1))
        assert (report.scenes, report.remaining) == (1, total - done)
        now = stored(heimdex, "second")
        assert made.items() < now.items(), "what there was stays as it was"
        made = now
        counted = [(state, rows) for state, rows, _ in entries(heimdex, "second")]
        assert sum(rows for _, rows in counted) == len(made)
        assert all(rows == 0 for state, rows in counted if state == "empty")
        unfinished = [rows for state, rows in counted if state == "pending"]
        assert len(unfinished) <= 1
        assert heimdex.verify().faults == ()
    assert heimdex.backfill("second").scenes == 0
    assert {state for state, _, _ in entries(heimdex, "second")} == {"done", "empty"}


def test_portions_do_not_change_what_is_made(heimdex: Heimdex) -> None:
    heimdex.backfill("second", options=replace(ALL, batch_size=1, checkpoint=1))
    singly = stored(heimdex, "second")
    report = heimdex.backfill("second", options=replace(ALL, force=True, batch_size=100, checkpoint=100))
    assert report.vectors == len(singly)
    assert report.remaining == 0
    assert stored(heimdex, "second") == singly


def test_one_asset_alone_by_its_id_or_its_path(heimdex: Heimdex, media: Path) -> None:
    path = str(media / "film.mp4")
    asset_id = heimdex.show(path)["asset"]["asset_id"]
    report = heimdex.backfill("second", options=replace(ALL, asset=path))
    assert (report.assets, report.scenes, report.remaining) == (1, 3, 0)
    assert heimdex.backfill("second", options=replace(ALL, asset=asset_id)).scenes == 0
    with pytest.raises(NotFound):
        heimdex.backfill("second", options=replace(ALL, asset="nothing.mp4"))


def test_a_failure_is_recorded_passed_over_and_tried_again_only_when_asked(heimdex: Heimdex) -> None:
    frame = kept_frames(heimdex)[0]
    whole = frame.read_bytes()
    frame.write_bytes(b"no picture")
    total = visible(heimdex)
    first = heimdex.backfill("second")
    assert (first.scenes, first.remaining) == (total, 0)
    assert [refusal.stage for refusal in first.failed] == ["picture"]
    assert "frames have no vector" in first.failed[0].error
    record = records_of(heimdex, frame.stem)
    assert len(record) == 2
    assert all(r["error"] and r["frame_quality"] is None and r["inference_time_ms"] is None for r in record)
    assert heimdex.status()["stages"]["picture (second)"]["failed"] == 1

    again = heimdex.backfill("second")
    assert (again.scenes, again.failed, again.skipped) == (0, (), 1)
    frame.write_bytes(whole)
    others = {key: value for key, value in stored(heimdex, "second").items() if key[0] != frame.stem}
    mended = heimdex.backfill("second", options=replace(ALL, failed=True))
    assert (mended.scenes, mended.vectors, mended.failed, mended.skipped) == (1, 2, (), 0)
    assert others.items() < stored(heimdex, "second").items()
    assert heimdex.verify(sample=-1).faults == ()


def test_force_makes_everything_again_and_a_damaged_ledger_is_not_believed(heimdex: Heimdex) -> None:
    heimdex.backfill("second")
    filled = stored(heimdex, "second")
    by_hand(
        heimdex, "DELETE FROM heimdex.vector WHERE space_id = %(s)s AND rank = 0", s=second_space(heimdex)
    )
    lost = len(filled) - len(stored(heimdex, "second"))
    report = heimdex.backfill("second")
    assert report.scenes == lost == visible(heimdex), "rows count, whatever the ledger says"
    assert stored(heimdex, "second") == filled
    by_hand(heimdex, 'UPDATE heimdex.vector SET metadata = metadata || \'{"device": "elsewhere"}\'')
    report = heimdex.backfill("second", options=replace(ALL, force=True))
    assert report.vectors == len(filled) == len(stored(heimdex, "second"))
    assert stored(heimdex, "second") == filled
    assert heimdex.verify().faults == ()


def test_vectors_of_an_older_version_are_none(heimdex: Heimdex) -> None:
    heimdex.backfill("second")
    by_hand(
        heimdex, "UPDATE heimdex.stage_run SET stage_version = 0 WHERE model_id = %(m)s", m=model_id(heimdex)
    )
    report = heimdex.backfill("second", options=replace(ALL, max_scenes=2))
    assert report.scenes == 2
    assert heimdex.backfill("second").remaining == 0
    assert len(stored(heimdex, "second")) == 2 * heimdex.status()["keyframes"]
    assert {state for state, _, _ in entries(heimdex, "second")} == {"done", "empty"}


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(heimdex: Heimdex) -> None:
    def count() -> Any:
        tables = "asset", "vector", "stage_run", "model", "space"
        counts = ", ".join(f"(SELECT count(*) FROM heimdex.{table})" for table in tables)
        return heimdex.database.run(heimdex.owner, lambda c: c.execute(f"SELECT {counts}").fetchone())

    before, status, total = count(), heimdex.status(), visible(heimdex)
    report = heimdex.backfill("second", options=replace(ALL, dry_run=True))
    assert (report.dry_run, report.scenes, report.remaining) == (True, total, total)
    assert report.vectors == 2 * status["keyframes"]
    assert report.seconds > 0
    assert count() == before
    heimdex.backfill("second", options=replace(ALL, max_scenes=3))
    report = heimdex.backfill("second", options=replace(ALL, dry_run=True, max_scenes=2))
    assert (report.scenes, report.remaining) == (2, total - 3)


def test_a_picture_that_takes_too_long_says_so_in_its_record(heimdex: Heimdex, media: Path) -> None:
    path = str(media / "red.jpg")
    (keyframe,) = heimdex.show(path)["scenes"][0]["keyframes"]
    frame = Path(keyframe["frame"])
    whole = frame.read_bytes()
    Image.new("RGB", (64, 64), SLOW).save(frame)
    report = heimdex.backfill("second", timeout_s=0.3)
    assert [refusal.path for refusal in report.failed] == [path]
    records = records_of(heimdex, keyframe["keyframe_id"])
    assert [record["error"] for record in records] == ["Timeout after 0.3s"] * 2
    assert report.vectors == 2 * (heimdex.status()["keyframes"] - 1), "it cost no other its vector"
    frame.write_bytes(whole)
    assert heimdex.backfill("second", options=replace(ALL, failed=True)).vectors == 2


def test_a_space_that_outgrew_the_exact_scan_gets_its_index(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch
) -> None:
    heimdex.backfill("second", options=replace(ALL, max_scenes=2))
    space = second_space(heimdex)
    assert not heimdex.database.run(heimdex.owner, lambda c: vectors.has_index(c, space))
    monkeypatch.setattr(nearest, "EXACT_ROWS", 5)
    heimdex.backfill("second")
    assert heimdex.database.run(heimdex.owner, lambda c: vectors.has_index(c, space))


def test_how_far_each_model_has_come_stands_in_the_status(heimdex: Heimdex) -> None:
    frames = heimdex.status()["keyframes"]
    heimdex.backfill("second", options=replace(ALL, max_scenes=2))
    whole, part = heimdex.status()["coverage"]
    assert (whole["model"], whole["filled"], whole["share"]) == ("fake", frames, 1.0)
    assert (part["model"], part["failed"]) == ("second", 0)
    assert 0 < part["filled"] < frames
    assert part["share"] == pytest.approx(part["filled"] / frames, abs=1e-4)


def test_an_asset_that_another_run_has_is_left_to_it_and_waited_for(heimdex: Heimdex, media: Path) -> None:
    asset_id = heimdex.show(str(media / "film.mp4"))["asset"]["asset_id"]
    claims = heimdex.database.claims()
    assert claims.try_claim(claim_key(heimdex.owner, asset_id))
    seen: list[BackfillProgress] = []
    others = visible(heimdex) - 3

    def let_go(progress: BackfillProgress) -> None:
        seen.append(progress)
        if progress.scenes_done == others:
            claims.release(claim_key(heimdex.owner, asset_id))

    report = heimdex.backfill("second", on_progress=let_go)
    claims.close()
    assert report.scenes == others + 3
    assert [progress.scenes_done for progress in seen] == sorted(progress.scenes_done for progress in seen)
    assert seen[-1].scenes_done == seen[-1].scenes_total


def test_two_backfills_at_once_share_the_work(heimdex: Heimdex) -> None:
    total = visible(heimdex)
    reports: list[BackfillReport] = []

    def run() -> None:
        reports.append(heimdex.backfill("second", options=replace(ALL, batch_size=1, checkpoint=1)))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.scenes for report in reports) == total
    assert {attempt for _, _, attempt in entries(heimdex, "second")} == {1}, "nobody did another's work again"
    assert heimdex.verify(sample=-1).faults == ()


def test_who_was_overtaken_writes_nothing_and_goes_on_with_the_rest(
    heimdex: Heimdex, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset_id = heimdex.show(str(media / "film.mp4"))["asset"]["asset_id"]
    look_closely = backlog.look_closely

    def film_first(*args: Any, **named: Any) -> list[backlog.DueAsset]:
        return sorted(look_closely(*args, **named), key=lambda due: due.asset_id != asset_id)

    overtaken: list[int] = []

    def overtake(progress: BackfillProgress) -> None:
        """Somebody else takes the film over, once the first of its scenes is written."""
        if progress.scenes_done and not overtaken:
            key = runs.RunKey(asset_id=asset_id, stage="picture", model_id=model_id(heimdex))
            overtaken.append(
                heimdex.database.run(heimdex.owner, lambda c: runs.begin(c, heimdex.owner, key, 1))
            )

    monkeypatch.setattr(backlog, "look_closely", film_first)
    options = replace(ALL, batch_size=100, checkpoint=1)
    report = heimdex.backfill("second", options=options, on_progress=overtake)
    assert report.scenes == visible(heimdex) - 2, "the film's other scenes are the overtaker's"
    ledger = heimdex.show(asset_id)["ledger"]
    (entry,) = [run for run in ledger if run["model_id"] == model_id(heimdex)]
    assert (entry["state"], entry["attempt"]) == ("running", overtaken[0])
    assert heimdex.backfill("second").scenes == 2


def test_an_asset_removed_meanwhile_is_no_failure(heimdex: Heimdex, media: Path) -> None:
    path = str(media / "film.mp4")
    options = replace(ALL, batch_size=100, checkpoint=1)
    removed: list[list[str]] = []

    def remove(progress: BackfillProgress) -> None:
        if not removed:
            removed.append(heimdex.remove(path))

    report = heimdex.backfill("second", options=options, on_progress=remove)
    assert removed
    assert report.failed == ()
    assert report.remaining == 0
    assert heimdex.verify().faults == ()


def test_a_model_that_does_not_load_ends_the_run_and_blames_no_frame(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heimdex.pipeline.stages.WORK", "tests.lost_work")
    with pytest.raises(ModelUnavailable):
        heimdex.backfill("second")
    assert stored(heimdex, "second") == {}
    assert entries(heimdex, "second") == []


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"checkpoint": 0}, {"max_scenes": 0}, {"delay_s": -1.0}]
)
def test_portions_that_make_no_sense_are_refused(heimdex: Heimdex, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        heimdex.backfill("second", options=replace(ALL, **wrong))


def replace_settings(heimdex: Heimdex, **changes: Any) -> Any:
    return heimdex.settings.model_copy(update=changes)


def records_of(heimdex: Heimdex, keyframe_id: str) -> list[dict[str, Any]]:
    rows = heimdex.database.run(
        heimdex.owner,
        lambda c: c.execute(
            "SELECT metadata FROM heimdex.vector v JOIN heimdex.space p USING (space_id) "
            "WHERE keyframe_id = %s AND p.model_id = %s",
            [keyframe_id, model_id(heimdex)],
        ).fetchall(),
    )
    return [row[0] for row in rows]


def model_id(heimdex: Heimdex, name: str = "second") -> int:
    row = heimdex.database.run(
        heimdex.owner,
        lambda c: c.execute("SELECT model_id FROM heimdex.model WHERE name = %s", [name]).fetchone(),
    )
    assert row is not None
    return int(row[0])


def spaces(heimdex: Heimdex) -> list[int]:
    found = heimdex.database.run(heimdex.owner, lambda c: models.find(c, heimdex.model))
    assert found is not None
    return [space.space_id for space in found.spaces]


def second_space(heimdex: Heimdex) -> int:
    row = heimdex.database.run(
        heimdex.owner,
        lambda c: c.execute(
            "SELECT space_id FROM heimdex.space WHERE model_id = %s ORDER BY 1", [model_id(heimdex)]
        ).fetchone(),
    )
    assert row is not None
    return int(row[0])
