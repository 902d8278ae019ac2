"""Several commands on one home at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from heimdex.errors import NotFound
from tests.acceptance.conftest import MakeHome
from tests.acceptance.homes import INDEX, Home, faults, finish, snapshot
from tests.acceptance.media import counter_photo

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]


@pytest.mark.parametrize("count", [2, 4])
def test_several_index_commands_on_one_folder_and_a_fresh_home_share_the_work(
    make_home: MakeHome, small_library: Path, count: int
) -> None:
    alone, shared = make_home(), make_home()
    total = alone.index(small_library)["indexed"]
    started = [shared.start(*INDEX, str(small_library), "--json") for _ in range(count)]
    ended = [finish(process) for process in started]
    assert [ran.code for ran in ended] == [0] * count, ended
    reports = [ran.document for ran in ended]
    assert all(report["failed"] == [] for report in reports)
    # One file's stages may fall to several of them; each stage is run by one.
    assert sum(report["indexed"] for report in reports) >= total
    with shared.open() as library:
        listed = [line["asset_id"] for line in library.assets()["assets"]]
        ledger = [run for asset_id in listed for run in library.show(asset_id)["ledger"]]
    assert ledger
    assert {run["attempt"] for run in ledger} == {1}
    assert [report["indexed"] + report["unchanged"] for report in reports] == [total] * count
    assert snapshot(shared) == snapshot(alone)
    assert faults(shared) == []
    assert shared.processes() == {}


def test_commands_that_look_and_remove_do_not_disturb_one_that_indexes(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    photos = [counter_photo(folder, number) for number in range(40)]
    with home.open() as library:
        library.index(photos[0])
        process = home.start(*INDEX, str(folder), "--json")
        removed = _disturb(home, photos, process.poll)
    ran = finish(process)
    assert ran.code == 0, ran
    assert removed, "nothing was removed while the index ran: the test has shown nothing"
    assert ran.document["failed"] == []
    home.index(folder)
    found = snapshot(home)
    assert len(found.assets) == 40
    assert {line["state"] for line in found.assets.values()} == {"done"}
    assert found.derived_files == 80
    assert faults(home) == []


def _disturb(home: Home, photos: list[Path], ended: object) -> list[str]:
    """Look at the library and take photos out of it, until the command has ended."""
    removed: list[str] = []
    troubles: list[BaseException] = []

    def look() -> None:
        try:
            with home.open() as library:
                while not stop.is_set():
                    library.status()
                    library.assets()
                    library.search("a number")
        except BaseException as error:
            troubles.append(error)

    stop = threading.Event()
    looker = threading.Thread(target=look)
    looker.start()
    try:
        with home.open() as library:
            while ended() is None:  # type: ignore[operator]
                for photo in photos[::3]:
                    try:
                        removed += library.remove(photo)
                    except NotFound:
                        continue
    finally:
        stop.set()
        looker.join()
    assert troubles == []
    return removed
