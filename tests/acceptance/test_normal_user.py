"""Heimdex as an ordinary user of the machine, with a home of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import heimdex
from tests.acceptance.homes import COMMAND, Home

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

USER = "heimdextest"


def as_user(user: pwd.struct_passwd) -> dict[str, Any]:
    """Options of a process that runs as the user."""
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def user() -> Iterator[pwd.struct_passwd]:
    """A user made for the test, who can reach what is installed here."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a user (and an ordinary user runs all other tests as one)")
    if shutil.which("useradd") is None:
        pytest.skip("there is no useradd here")
    subprocess.run(["useradd", "--create-home", "--user-group", USER], check=True, capture_output=True)
    try:
        made = pwd.getpwnam(USER)
        for needed in (COMMAND, os.path.realpath(sys.executable), heimdex.__file__):
            if subprocess.run(["test", "-r", needed], check=False, **as_user(made)).returncode != 0:
                pytest.skip(f"an ordinary user cannot reach {needed}")
        yield made
    finally:
        subprocess.run(["userdel", "--remove", USER], check=False, capture_output=True)


@pytest.fixture
def home(user: pwd.struct_passwd) -> Iterator[Home]:
    """The user's home of Heimdex."""
    made = Home(
        path=Path(user.pw_dir) / ".local/share/heimdex",
        settings={"HOME": user.pw_dir, "USER": USER},
        options=as_user(user) | {"cwd": user.pw_dir, "umask": 0o022},
    )
    yield made
    made.stop()


def test_an_ordinary_user_indexes_searches_and_verifies(
    home: Home, user: pwd.struct_passwd, small_library: Path
) -> None:
    media = Path(user.pw_dir) / "media"
    shutil.copytree(small_library, media)
    for path in (media, *media.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    report = home.index(media)
    assert report["failed"] == []
    assert report["indexed"] == sum(1 for path in media.rglob("*") if path.is_file())
    assert home.run("search", "red rings", "--limit", "3")["hits"]
    assert home.run("verify")["faults"] == []
    assert home.processes() == {}
    owners = {path.lstat().st_uid for path in (home.path, *home.path.rglob("*"))}
    assert owners == {user.pw_uid}
    for folder in (home.path, home.path / "derived"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, "nobody else looks at what is derived"
