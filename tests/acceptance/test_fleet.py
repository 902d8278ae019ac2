"""Three workers, a service and one queue, on the embedded database and on one of its own.

Workers are killed, put to sleep and woken; nothing is lost, nothing double, and searches are answered all the
time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from heimdex.entities import JobState
from heimdex.store.jobs import JobFilter
from tests.acceptance.conftest import MakeHome
from tests.acceptance.homes import PATIENCE_S, Home, faults, kill
from tests.acceptance.media import counter_photo
from tests.asking import Asker
from tests.media.clips import Clip, make

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

FILMS, PHOTOS = 48, 12
WORKERS = 3
KILLS = 4
SETTINGS = {
    "HEIMDEX_WORKER_HEARTBEAT_S": "0.5",
    "HEIMDEX_WORKER_STALLED_S": "2",
    "HEIMDEX_WORKERS": "1",
    "HEIMDEX_THREADS": "1",
}


@pytest.fixture(scope="module")
def tiny_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films of a second that differ by padding at their end, and photos."""
    folder = tmp_path_factory.mktemp("tiny_library")
    first = make(Clip(width=160, height=90, count=30, cuts=(15,), group=15), folder).read_bytes()
    for number in range(1, FILMS):
        padding = (8 + number).to_bytes(4, "big") + b"free" + bytes(number)
        (folder / f"film-{number:02}.mp4").write_bytes(first + padding)
    for number in range(PHOTOS):
        counter_photo(folder, number)
    return folder


@pytest.fixture(params=["embedded", "external"])
def fleet_home(request: pytest.FixtureRequest, make_home: MakeHome) -> Home:
    """A home with its own database, and one with a database elsewhere."""
    if request.param == "embedded":
        return make_home(**SETTINGS)
    return make_home(**SETTINGS, HEIMDEX_DATABASE_URL=request.getfixturevalue("database_url"))


@contextmanager
def searching(home: Home) -> Iterator[Asker]:
    """Somebody who searches through a service of the home that does no work itself."""
    service = home.start("serve", "--no-worker", "--port", "0", "--json")
    assert service.stdout is not None
    asker = Asker(json.loads(service.stdout.readline())["listening"])
    asker.start()
    try:
        yield asker
    finally:
        asker.end()
        service.terminate()
        service.communicate()


def start_worker(home: Home) -> subprocess.Popen[str]:
    return home.start("worker")


def test_a_fleet_that_is_killed_and_put_to_sleep_loses_nothing_and_does_nothing_twice(
    fleet_home: Home, tiny_library: Path
) -> None:
    home = fleet_home
    rng = random.Random()
    with home.open() as library, searching(home) as asker:
        job = library.jobs.add_index(tiny_library)
        workers = [start_worker(home) for _ in range(WORKERS)]
        asleep: subprocess.Popen[str] | None = None
        woken = False
        kills = 0
        deadline = time.monotonic() + PATIENCE_S
        next_kill = time.monotonic() + 1.0
        while not (found := library.jobs.get(job.job_id)).state.has_ended:
            assert time.monotonic() < deadline, found
            running = library.jobs.list(JobFilter(parent_id=job.job_id, states=(JobState.RUNNING,)))
            names = {(one.worker or "").split("/")[1] for one in running}
            busy = [one for one in workers if str(one.pid) in names and one.poll() is None]
            if asleep is None and busy:
                asleep = busy[0]
                os.kill(asleep.pid, signal.SIGSTOP)
            elif asleep is not None and not woken and str(asleep.pid) not in names:
                os.kill(asleep.pid, signal.SIGCONT)  # its job was taken over
                woken = True
            elif kills < KILLS and time.monotonic() >= next_kill:
                victim = rng.choice([one for one in busy if one is not asleep] or workers[-1:])
                if victim is not asleep and kill(victim.pid):
                    victim.communicate()
                    workers[workers.index(victim)] = start_worker(home)
                    kills += 1
                    next_kill = time.monotonic() + rng.uniform(2.0, 4.0)
            time.sleep(0.05)
        asker.end()
        assert (asker.answered > 0, asker.failed) == (True, [])
        assert asleep is not None
        assert kills > 0, "all was done before anybody was killed"
        assert woken, "nobody took over what the sleeper had in hand"
        assert found.state == JobState.DONE, found
        parts = library.jobs.list(JobFilter(parent_id=job.job_id))
        assert {part.state for part in parts} == {JobState.DONE}
        listed = library.assets()
        assert Counter(line["state"] for line in listed["assets"]) == {"done": FILMS + PHOTOS}
        assert len({path for line in listed["assets"] for path in line["paths"]}) == FILMS + PHOTOS
        assert listed["refused"] == []
    assert faults(home) == []


def test_a_worker_that_is_told_to_stop_is_gone_within_ten_seconds_and_its_job_is_handed_back(
    home: Home, tmp_path: Path
) -> None:
    from tests.acceptance.media import make_long_films

    make_long_films(tmp_path / "films", 1)
    with home.open() as library:
        job = library.jobs.add_index(tmp_path / "films")
        worker = start_worker(home)
        deadline = time.monotonic() + PATIENCE_S
        while not library.jobs.list(JobFilter(parent_id=job.job_id, states=(JobState.RUNNING,))):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=10)
        assert worker.returncode == 0
        parts = library.jobs.list(JobFilter(parent_id=job.job_id))
        assert [(part.state, part.failures) for part in parts] == [(JobState.WAITING, 0)]
        assert home.workers() == []
    assert home.run("worker", "--once")["orderly"]
    assert home.run("jobs", "show", job.job_id)["state"] == "done"
    assert faults(home) == []
