"""A disk that fills up: a clear word, exit 1, nothing lost; with space again the next run finishes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.conftest import MakeHome
from tests.acceptance.homes import Home, faults, finish, snapshot
from tests.acceptance.media import counter_photo

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

MIB = 1 << 20

MakeDisk = Callable[[int], Path]


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[MakeDisk]:
    """Mounts a disk of so many MiB; a second call changes its size."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(size_mib: int) -> Path:
        options = f"size={size_mib}m,mode=0755"
        if disk.is_mount():
            options = f"remount,{options}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "heimdex-test", disk], check=False, capture_output=True
        )
        if done.returncode != 0:
            pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
        return disk

    yield mount
    if disk.is_mount():
        Home(path=disk / "home").stop()
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos whose kept frames take some 5 MiB: more than the server gives back by tidying."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "first").mkdir()
    for number in range(100):
        counter_photo(folder / "first" if number < 3 else folder, number)
    return folder


def fill(disk: Path, left_bytes: int) -> Path:
    """A file that leaves so much of the disk."""
    found = os.statvfs(disk)
    ballast = disk / "ballast"
    with ballast.open("wb") as file, suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - left_bytes))
    return ballast


def assert_full(home: Home, folder: Path) -> None:
    refused = home.index(folder, code=1)
    assert refused["error"]["type"] == "StorageFull", refused
    assert "space" in refused["error"]["message"]
    assert home.processes() == {}


@pytest.mark.parametrize("left_kib", [0, 256, 2048])
def test_a_disk_that_fills_up_while_indexing_loses_nothing(
    make_disk: MakeDisk, make_home: MakeHome, photos: Path, left_kib: int
) -> None:
    disk = make_disk(160)
    home = Home(path=disk / "home")
    home.index(photos / "first")
    ballast = fill(disk, left_kib << 10)

    assert_full(home, photos)
    assert_full(home, photos)

    ballast.unlink()
    with home.open() as library:
        before = library.status()
    assert before["assets"] >= 3, "what was indexed before is still there"
    report = home.index(photos)
    assert report["failed"] == []
    undisturbed = make_home()
    undisturbed.index(photos)
    assert snapshot(home) == snapshot(undisturbed)
    assert faults(home) == []


def test_a_disk_too_small_for_a_database_says_so_and_a_larger_one_will_do(
    make_disk: MakeDisk, small_library: Path
) -> None:
    home = Home(path=make_disk(24) / "home")
    assert_full(home, small_library)
    make_disk(160)
    assert home.index(small_library)["failed"] == []
    assert faults(home) == []


def test_a_disk_that_is_full_can_still_be_looked_at_or_says_why_not(
    make_disk: MakeDisk, small_library: Path
) -> None:
    disk = make_disk(160)
    home = Home(path=disk / "home")
    home.index(small_library)
    fill(disk, 0)
    ran = finish(home.start("assets", "--json"))
    assert ran.code in (0, 1)
    assert "Traceback" not in ran.err
    assert ran.code == 0 or "space" in ran.document["error"]["message"]
