"""Broken files among good neighbours: each a readable error, the neighbours indexed, memory bounded."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from heimdex.entities import FileStamp
from heimdex.pipeline.ledger import MAX_ATTEMPTS
from tests.acceptance.homes import Home, faults
from tests.media.broken import BrokenCase, Expectation, make_broken

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

WORKER_MEMORY_MB = 1024
STAGES = {
    Expectation.WALK: {"walk"},
    Expectation.RECOGNISE: {"examine", "read"},
    Expectation.PROBE: {"examine"},
    Expectation.DECODE: {"scenes"},
}
# What people should not have to read.
TECHNICAL = re.compile(r"Traceback|unexpected |0x[0-9a-f]{4}|Errno|\[|\n[^0-9]")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What became of the folder: the reports of several runs, the last list of assets, the peak of memory."""

    home: Home
    cases: list[BrokenCase]
    reports: list[dict[str, Any]]
    attempts: list[dict[str, int]]  # of the failed stages, after each run
    assets: dict[str, Any]
    peak_bytes: int


@pytest.fixture(scope="module")
def seen(small_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Everything is indexed several times over, once for all tests."""
    base = tmp_path_factory.mktemp("broken")
    cases = make_broken(base / "media")
    shutil.copytree(small_library, base / "media" / "good")
    home = Home(
        path=base / "home",
        settings={"HEIMDEX_MAX_MEGAPIXELS": "100", "HEIMDEX_WORKER_MEMORY_MB": str(WORKER_MEMORY_MB)},
    )
    try:
        with peak_memory(home) as peak:
            reports = [home.index(base / "media")]
        attempts = [attempts_of(home)]
        for _ in range(MAX_ATTEMPTS):
            reports.append(home.index(base / "media"))
            attempts.append(attempts_of(home))
        assets = home.run("assets")
        yield Seen(
            home=home,
            cases=cases,
            reports=reports,
            attempts=attempts,
            assets=assets,
            peak_bytes=max(peak, default=0),
        )
    finally:
        home.stop()


@contextmanager
def peak_memory(home: Home) -> Iterator[list[int]]:
    """Watch the workers of a home; the list gets the most that each held resident, in bytes."""
    peaks: dict[int, int] = {}
    found: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            for pid in home.workers():
                with suppress(OSError):
                    status = Path(f"/proc/{pid}/status").read_text()
                    if peak := re.search(r"VmHWM:\s+(\d+) kB", status):  # a process that has ended has none
                        peaks[pid] = int(peak[1]) * 1024

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        stop.set()
        watcher.join()
        found.extend(peaks.values())


def attempts_of(home: Home) -> dict[str, int]:
    """How often each stage was tried that has failed, by path."""
    with home.open() as library:
        listed = library.assets()["assets"]
        failed = [line["asset_id"] for line in listed if line["state"] != "done"]
        shown = [library.show(asset_id) for asset_id in failed]
    return {
        document["asset"]["path"]: max(run["attempt"] for run in document["ledger"] if run["error"])
        for document in shown
    }


def text_of(case: BrokenCase) -> str:
    return FileStamp(path=case.path, size_bytes=0, modified_ns=0).text


def of(cases: list[BrokenCase], *expectations: Expectation) -> dict[str, BrokenCase]:
    return {text_of(case): case for case in cases if case.expectation in expectations}


def test_there_are_at_least_sixty_and_every_one_is_refused_where_it_should_be(seen: Seen) -> None:
    broken = of(seen.cases, *STAGES)
    assert len(broken) >= 60
    failed = {refusal["path"]: refusal for refusal in seen.reports[0]["failed"]}
    assert set(failed) == set(broken)
    wrong = {
        path: (failed[path]["stage"], failed[path]["error"])
        for path, case in broken.items()
        if failed[path]["stage"] not in STAGES[case.expectation]
    }
    assert wrong == {}


def test_every_error_is_one_a_person_can_read(seen: Seen) -> None:
    errors = {refusal["path"]: refusal["error"] for refusal in seen.reports[0]["failed"]}
    assert {path: error for path, error in errors.items() if TECHNICAL.search(error)} == {}
    assert {path: error for path, error in errors.items() if not 20 <= len(error) <= 600} == {}


def test_good_neighbours_and_what_can_be_read_are_indexed(seen: Seen, small_library: Path) -> None:
    state_of = {path: line["state"] for line in seen.assets["assets"] for path in line["paths"]}
    readable = of(seen.cases, Expectation.INDEXED)
    assert {path: state_of.get(path) for path in readable} == dict.fromkeys(readable, "done")
    good = [path for path in state_of if "/media/good/" in path]
    assert len(good) == sum(1 for path in small_library.rglob("*") if path.is_file())
    assert {state_of[path] for path in good} == {"done"}


def test_what_claims_to_be_no_media_is_passed_over_in_silence(seen: Seen) -> None:
    ignored = of(seen.cases, Expectation.IGNORED)
    told = {refusal["path"] for refusal in seen.reports[0]["failed"]}
    known = {path for line in seen.assets["assets"] for path in line["paths"]}
    assert (told | known) & set(ignored) == set()


def test_later_runs_try_nothing_for_ever_and_still_tell(seen: Seen) -> None:
    first = [(refusal["path"], refusal["error"]) for refusal in seen.reports[0]["failed"]]
    for report in seen.reports[1:]:
        assert [(refusal["path"], refusal["error"]) for refusal in report["failed"]] == first
        assert report["indexed"] == 0
    assert len(seen.attempts[0]) > 0
    assert set(seen.attempts[0].values()) == {1}
    assert set(seen.attempts[-1].values()) == {MAX_ATTEMPTS}


def test_memory_stays_below_the_workers_limit(seen: Seen) -> None:
    assert 0 < seen.peak_bytes < WORKER_MEMORY_MB << 20
    assert not [r for r in seen.reports[0]["failed"] if "memory" in r["error"]]


def test_the_index_that_is_left_is_whole(seen: Seen) -> None:
    assert faults(seen.home) == []
    assert seen.home.processes() == {}
