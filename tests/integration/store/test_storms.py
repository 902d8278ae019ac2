"""Many processes on one home while servers and clients are killed: nothing acknowledged is ever lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from heimdex.store.cluster import read_pid_file
from heimdex.store.database import Database
from heimdex.store.postgres import EmbeddedPostgres

pytestmark = pytest.mark.acceptance

OWNER = "00000000-0000-7000-8000-000000000000"
PREPARED = """
import sys, uuid
from pathlib import Path
from heimdex.store.database import Database
home, name = Path(sys.argv[1]), sys.argv[2]
owner = "00000000-0000-7000-8000-000000000000"
insert = (
    "INSERT INTO heimdex.model (name, precision, weights_sha256) "
    "VALUES (%s, %s, '') ON CONFLICT DO NOTHING"
)
def write(database, number):
    database.run(owner, lambda connection: connection.execute(insert, [name, str(number)]))
    print(number, flush=True)
"""
WRITER = """
with Database.open(home=home, url=None) as database:
    number = 0
    while not (home / "enough").exists():
        write(database, number)
        number += 1
"""
COMER_AND_GOER = """
for number in range(15):
    with Database.open(home=home, url=None) as database:
        write(database, number)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    yield folder
    EmbeddedPostgres(folder).stop_now()


def launch(code: str, home: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARED + code, str(home), name],
        stdout=subprocess.PIPE,
        text=True,
    )


def acknowledged(process: subprocess.Popen[str]) -> set[str]:
    return set(process.communicate(timeout=240)[0].split())


def stored(home: Path, name: str) -> set[str]:
    with Database.open(home=home, url=None) as database:
        question = "SELECT precision FROM heimdex.model WHERE name = %s"
        rows = database.run(OWNER, lambda connection: connection.execute(question, [name]).fetchall())
    return {precision for (precision,) in rows}


def test_what_was_acknowledged_outlives_servers_killed_again_and_again(home: Path) -> None:
    stored(home, "")  # make the cluster
    writers = {name: launch(WRITER, home, name) for name in ("a", "b")}
    killed = 0
    dice = random.Random(7)
    while killed < 8:
        time.sleep(dice.uniform(0.2, 1.0))
        found = read_pid_file(home / "postgres" / "18")
        if found is not None:
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
                killed += 1
    time.sleep(1.0)
    (home / "enough").touch()
    for name, writer in writers.items():
        said = acknowledged(writer)
        assert writer.returncode == 0
        assert said
        assert stored(home, name) == said
    assert not EmbeddedPostgres(home).is_running()


def test_killed_clients_lose_nothing_they_acknowledged_and_leave_no_server_behind(home: Path) -> None:
    stored(home, "")
    dice = random.Random(7)
    for round_number in range(6):
        name = f"client {round_number}"
        client = launch(WRITER, home, name)
        assert client.stdout is not None
        first = client.stdout.readline().strip()
        time.sleep(dice.uniform(0.0, 0.3))
        client.kill()
        said = acknowledged(client) | {first}
        assert said <= stored(home, name)
        assert not EmbeddedPostgres(home).is_running()


def test_processes_that_come_and_go_all_get_their_work_done(home: Path) -> None:
    comers = [launch(COMER_AND_GOER, home, str(number)) for number in range(4)]
    for number, comer in enumerate(comers):
        said = acknowledged(comer)
        assert comer.returncode == 0
        assert len(said) == 15
        assert stored(home, str(number)) == said
    assert not EmbeddedPostgres(home).is_running()
