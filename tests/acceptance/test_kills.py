"""`kill -9` at random points of indexing: whatever is killed, the next run finishes and nothing is twice."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from heimdex.pipeline.ledger import MAX_ATTEMPTS
from tests.acceptance.conftest import MakeHome
from tests.acceptance.homes import (
    INDEX,
    Home,
    Ran,
    Snapshot,
    faults,
    finish,
    kill,
    snapshot,
    wait_until_empty,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

Kill = Callable[[Home, int, random.Random], bool]


@dataclass(frozen=True, kw_only=True)
class Storm:
    """What is killed, how often, and whether the command lives on."""

    kill: Kill
    kills: int
    survives: bool
    kills_per_home: int = 5


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """An index nobody disturbed, and how long it took."""

    snapshot: Snapshot
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(small_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    home = Home(path=tmp_path_factory.mktemp("undisturbed"))
    began = time.monotonic()
    home.index(small_library)
    seconds = time.monotonic() - began
    assert faults(home) == []
    return Undisturbed(snapshot=snapshot(home), seconds=seconds)


def kill_command(home: Home, command: int, rng: random.Random) -> bool:
    return kill(command)


def kill_server(home: Home, command: int, rng: random.Random) -> bool:
    server = home.server()
    return server is not None and kill(server)


def kill_worker(home: Home, command: int, rng: random.Random) -> bool:
    workers = home.workers()
    return bool(workers) and kill(rng.choice(workers))


def kill_everything(home: Home, command: int, rng: random.Random) -> bool:
    found = kill(command)
    for pid in home.processes():
        kill(pid)
    return found


def disturbed_run(
    home: Home, library: Path, killing: Kill, at_s: float, rng: random.Random
) -> tuple[bool, Ran]:
    """An index run in which something is killed after a time: whether it was, and how the run ended."""
    process = home.start(*INDEX, str(library))
    deadline = time.monotonic() + at_s
    killed = False
    while process.poll() is None and not killed:
        if time.monotonic() >= deadline:
            killed = killing(home, process.pid, rng)  # what is not there yet is waited for
        time.sleep(0.005)
    return killed, finish(process)


def storm(make_home: MakeHome, library: Path, undisturbed: Undisturbed, storming: Storm) -> None:
    """Homes in which one run after the other is disturbed; each has to end like an undisturbed one."""
    rng = random.Random()
    done = 0
    while done < storming.kills:
        home = make_home()
        moments: list[float] = []
        killed = True
        while killed and len(moments) < storming.kills_per_home and done < storming.kills:
            moments.append(rng.uniform(0, undisturbed.seconds))
            killed, ran = disturbed_run(home, library, storming.kill, moments[-1], rng)
            assert ran.code == 0 or (killed and not storming.survives and ran.code == -9), (moments, ran)
            killed = killed and (storming.survives or ran.code == -9)  # a moment late, and nobody was hit
            done += killed
            assert wait_until_empty(home.workers), "workers outlive their command"
        report = home.index(library)
        assert report["failed"] == [], moments
        assert snapshot(home) == undisturbed.snapshot, moments
        assert faults(home) == [], moments
        home.stop()
        shutil.rmtree(home.path)


def test_the_command_killed_thirty_times(
    make_home: MakeHome, small_library: Path, undisturbed: Undisturbed
) -> None:
    storming = Storm(kill=kill_command, kills=30, survives=False)
    storm(make_home, small_library, undisturbed, storming)


def test_everything_killed_at_once_ten_times_as_in_a_power_cut(
    make_home: MakeHome, small_library: Path, undisturbed: Undisturbed
) -> None:
    storming = Storm(kill=kill_everything, kills=10, survives=False)
    storm(make_home, small_library, undisturbed, storming)


def test_the_database_server_killed_eight_times_under_a_run_that_goes_on(
    make_home: MakeHome, small_library: Path, undisturbed: Undisturbed
) -> None:
    storming = Storm(kill=kill_server, kills=8, survives=True)
    storm(make_home, small_library, undisturbed, storming)


def test_a_worker_killed_six_times_costs_an_item_a_try_and_no_more(
    make_home: MakeHome, small_library: Path, undisturbed: Undisturbed
) -> None:
    storming = Storm(kill=kill_worker, kills=6, survives=True, kills_per_home=MAX_ATTEMPTS - 1)
    storm(make_home, small_library, undisturbed, storming)
