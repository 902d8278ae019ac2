"""Ctrl-C, SIGTERM and a closed terminal: the command ends at once, nothing stays behind, the next goes on."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import MakeHome
from tests.acceptance.homes import INDEX, Home, faults, finish, kill, snapshot, wait_for, wait_until_empty
from tests.acceptance.media import counter_photo, make_long_films

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

PHOTOS, FILMS = 6, 12


@pytest.fixture(scope="module")
def slow_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some photos that are done in no time, then films that are not."""
    folder = tmp_path_factory.mktemp("slow_library")
    (folder / "a").mkdir()
    for number in range(PHOTOS):
        counter_photo(folder / "a", number)
    make_long_films(folder / "z", FILMS)
    return folder


def photos_are_done(home: Home) -> bool:
    with home.open() as library:
        return bool(library.status()["stages"].get("picture (starter)", {}).get("done", 0) >= PHOTOS)


def interrupted_in_a_film(home: Home, library: Path, how: signal.Signals) -> None:
    """Let a command finish the photos, and stop it while it is busy with the films."""
    process = home.start(*INDEX, str(library))
    assert wait_for(lambda: home.server() is not None)
    assert wait_for(lambda: photos_are_done(home))
    kill(process.pid, how)
    ran = finish(process)
    assert ran.code == 130, ran
    assert ran.err.startswith("Stopped")
    assert "Traceback" not in ran.err
    assert wait_until_empty(home.processes), home.processes()


def test_after_ctrl_c_in_the_midst_of_a_film_the_next_command_goes_on_where_it_was(
    home: Home, slow_library: Path
) -> None:
    interrupted_in_a_film(home, slow_library, signal.SIGINT)
    report = home.index(slow_library)
    with home.open() as library:
        for photo in sorted((slow_library / "a").iterdir()):
            early = [
                run for run in library.show(str(photo))["ledger"] if run["stage"] in ("scenes", "picture")
            ]
            assert [run["attempt"] for run in early] == [1, 1], "what was finished stays finished"
    assert report["indexed"] >= 1, "the command did not wait for the film it was in"
    assert report["unchanged"] + report["indexed"] == PHOTOS + FILMS
    assert report["failed"] == []
    assert faults(home) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_other_ways_to_ask_a_command_to_stop_do_the_same(
    home: Home, slow_library: Path, how: signal.Signals
) -> None:
    interrupted_in_a_film(home, slow_library, how)


def test_the_signal_may_come_at_any_moment_of_a_first_start(make_home: MakeHome, small_library: Path) -> None:
    undisturbed = make_home()
    began = time.monotonic()
    undisturbed.index(small_library)
    whole_s = time.monotonic() - began
    for _ in range(12):
        home = make_home()
        process = home.start(*INDEX, str(small_library))
        at_s = random.uniform(0, whole_s)
        time.sleep(at_s)
        kill(process.pid, signal.SIGINT)
        ran = finish(process)
        # Before the first line of ours runs, it is Python that dies of the signal.
        assert ran.code in (130, -signal.SIGINT, 0), (at_s, ran)
        assert wait_until_empty(home.processes), (at_s, home.processes())
    home.index(small_library)
    assert snapshot(home) == snapshot(undisturbed)


def test_a_signal_that_comes_thrice_is_one_signal(home: Home, slow_library: Path) -> None:
    process = home.start(*INDEX, str(slow_library))
    assert wait_for(lambda: bool(home.workers()))
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        kill(process.pid, how)
        time.sleep(0.02)
    assert finish(process).code == 130
    assert wait_until_empty(home.processes), home.processes()


def test_a_command_that_only_looks_can_be_stopped_too(home: Home) -> None:
    process = home.start("status")
    assert wait_for(lambda: home.server() is not None or process.poll() is not None)
    kill(process.pid, signal.SIGINT)
    assert finish(process).code in (130, 0)
    assert wait_until_empty(home.processes), home.processes()
