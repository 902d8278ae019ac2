"""The kinds of jobs on a real library: what workers make is what the commands make."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heimdex import Heimdex
from heimdex.app.jobs import limits_of, run_worker
from heimdex.entities import Job, JobState
from heimdex.errors import SettingsError, Stopped, UsageError
from heimdex.jobs.paths import pack, unpack
from heimdex.pipeline import sharing
from heimdex.pipeline.backfill import backfill
from heimdex.pipeline.backfill_tally import BackfillOptions
from heimdex.pipeline.flow import choose
from heimdex.pipeline.indexing import index
from heimdex.pipeline.originals import Announced
from heimdex.pipeline.run_context import IndexOptions
from heimdex.store.jobs import JobFilter
from tests.worker_kit import QUICK


@pytest.fixture
def library(database_url: str, tmp_path: Path) -> Iterator[Heimdex]:
    with Heimdex(home=tmp_path / "home", database_url=database_url, workers=1, threads=1) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "media"
    made.mkdir()
    for number in range(5):
        rng = np.random.default_rng(number)
        coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((96, 64)).save(made / f"{number}.jpg")
    (made / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    return made


def work(library: Heimdex, job: Job) -> Job:
    assert run_worker(library, replace(QUICK, once=True), threading.Event())
    return library.jobs.get(job.job_id)


def test_workers_index_in_parts_reprocess_backfill_verify_and_remove(
    library: Heimdex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "FILES_A_PART", 2)
    jobs = library.jobs
    done = work(library, jobs.add_index(folder))
    assert done.state == JobState.DONE, done
    assert done.result is not None
    assert {name: done.result[name] for name in ("indexed", "missing", "failed_count")} == {
        "indexed": 5,
        "missing": 0,
        "failed_count": 1,
    }
    assert (done.progress.done, done.progress.total) == (6, 6)
    assert len(jobs.list(JobFilter(parent_id=done.job_id))) == 3

    (folder / "0.jpg").unlink()
    again = work(library, jobs.add_index(folder))
    assert again.result is not None
    assert (again.result["missing"], again.result["unchanged"]) == (1, 4)

    assert jobs.choose("kind:video").assets == ()
    assert len(jobs.choose(f"in:{folder}", only="failed").paths) == 1
    assert jobs.choose("", only="stale").assets == ()
    assert jobs.choose("").seconds > 0
    forced = work(library, jobs.add_reprocess("kind:photo", stages=["picture"], force=True))
    assert forced.result is not None
    assert (forced.state, forced.result["indexed"]) == (JobState.DONE, 4)

    made = work(library, jobs.add_backfill(query=f"in:{folder / '1.jpg'}", force=True))
    assert made.result is not None
    assert (made.state, made.result["assets"], made.result["scenes"]) == (JobState.DONE, 1, 1)

    checked = work(library, jobs.enqueue("verify", {"sample": -1}))
    assert checked.result is not None
    assert (checked.state, checked.result["ok"]) == (JobState.DONE, True), checked.result

    removed = work(library, jobs.enqueue("remove", {"targets": [str(folder)]}))
    assert removed.result is not None
    assert len(removed.result["removed"]) == 5


def test_uploads_are_worked_on_again_beside_files(library: Heimdex, folder: Path, tmp_path: Path) -> None:
    library.index(folder)
    Image.new("RGB", (96, 64), (9, 99, 200)).save(tmp_path / "handed-in.jpg")
    kept = library.uploads.keep(tmp_path / "handed-in.jpg", Announced(name="handed-in.jpg"))
    library.uploads.index(kept.object_key)
    again = work(library, library.jobs.add_reprocess("kind:photo", stages=["picture"], force=True))
    assert again.result is not None
    assert (again.state, again.failures, again.result["indexed"]) == (JobState.DONE, 0, 6)
    assert library.verify(sample=-1).faults == ()


def test_what_rests_on_a_stage_is_made_again_with_it(library: Heimdex, folder: Path) -> None:
    library.index(folder)
    before = library.status()
    again = work(library, library.jobs.add_reprocess(f"in:{folder}", stages=["scenes"], force=True))
    assert again.state == JobState.DONE
    assert library.status()["coverage"] == before["coverage"]
    found = library.search(image=folder / "3.jpg", nearest=True)
    assert found.hits[0].path == str(folder / "3.jpg")


def test_a_folder_that_is_not_there_counts_as_failed(library: Heimdex, tmp_path: Path) -> None:
    done = work(library, library.jobs.add_index(tmp_path / "nowhere"))
    assert done.result is not None
    assert done.result["failed_count"] == 1
    assert "does not exist" in done.result["failed"][0]["error"]


def test_a_job_whose_parts_cannot_be_entered_fails_at_once_and_says_why(
    library: Heimdex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.index(folder)
    monkeypatch.setattr(sharing, "in_portions", lambda *_: [(b"relative",)])
    failed = work(library, library.jobs.add_reprocess("kind:photo"))
    assert (failed.state, failed.attempts) == (JobState.FAILED, 1)
    assert "relative" in (failed.error or "")


def test_a_run_that_is_asked_to_stop_stops(library: Heimdex, folder: Path) -> None:
    halt = threading.Event()
    halt.set()
    tools = library.tools_of()
    with pytest.raises(Stopped):
        index(tools, IndexOptions(stages=choose(None)), [bytes(folder)], halt=halt)
    library.index(folder)
    with pytest.raises(Stopped):
        backfill(tools, BackfillOptions(force=True), halt=halt)
    backfill(tools, BackfillOptions(force=True))
    assert library.verify().faults == ()


def test_what_makes_no_sense_is_refused_when_it_is_entered(library: Heimdex) -> None:
    for kind, arguments in (
        ("index", {"paths": ["relative"]}),
        ("index", {"paths": []}),
        ("index", {"paths": ["/x"], "stages": ["nonsense"]}),
        ("reprocess", {"only": "sometimes"}),
        ("backfill", {"nonsense": 1}),
        ("remove", {}),
    ):
        with pytest.raises(UsageError):
            library.jobs.enqueue(kind, arguments)
    assert library.jobs.list() == []


def test_paths_that_are_no_text_travel_as_bytes() -> None:
    paths = [b"/plain/\xc3\xa9", b"/not/\xff\xfe"]
    assert unpack(pack(paths)) == paths


def test_limits_are_read() -> None:
    assert limits_of("index_files=4, backfill=1") == {"index_files": 4, "backfill": 1}
    with pytest.raises(SettingsError, match="KIND=NUMBER"):
        limits_of("index_files")
