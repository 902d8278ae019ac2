"""Fixtures of the store's tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from heimdex.store.postgres import EmbeddedPostgres


@dataclass(frozen=True, kw_only=True)
class SmallDisk:
    """A file system of 128 MB of its own, with a home on it."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def fill(self, *, leave_bytes: int) -> None:
        """Take all of its space but so much."""
        free = os.statvfs(self.folder)
        with (self.folder / "ballast").open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, free.f_bavail * free.f_frsize - leave_bytes)

    def clear(self) -> None:
        """Give the space back."""
        (self.folder / "ballast").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Skips where no file system can be mounted."""
    disk = SmallDisk(folder=tmp_path / "disk")
    disk.folder.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("needs root to mount a small disk")
    command = [mount, "-t", "tmpfs", "-o", "size=128m,mode=755", "tmpfs", str(disk.folder)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.decode(errors='replace').strip()}")
    yield disk
    EmbeddedPostgres(disk.home).stop_now()
    subprocess.run(["umount", "-l", str(disk.folder)], check=True)
