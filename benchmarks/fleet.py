"""How workers share a folder: `python -m benchmarks.fleet [--videos 300] [--workers 1 2 3]`.

With `--kill-every S` one of them is killed that often; once one is put to sleep, and woken when its job was
taken over. With `--external` the database is a server of its own, not the home's. A service that does no work
answers searches meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from heimdex import Heimdex
from heimdex.jobs.schema import queue_schema
from heimdex.store.migrate import migrate
from heimdex.store.postgres import EmbeddedPostgres
from tests.asking import Asker
from tests.media.clips import Clip, make

HEIMDEX = [sys.executable, "-m", "heimdex"]
QUIET = {"HEIMDEX_SPEECH": "off", "HEIMDEX_WRITING": "false", "HEIMDEX_WORKERS": "1", "HEIMDEX_THREADS": "1"}
BEATS = {"HEIMDEX_WORKER_HEARTBEAT_S": "0.5", "HEIMDEX_WORKER_STALLED_S": "2"}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One line of the table."""

    workers: int
    seconds: float
    kills: int
    assets: int
    faults: int
    answers: int  # to searches meanwhile


@dataclass(frozen=True, kw_only=True)
class Given:
    """How one line is measured."""

    workers: int
    kill_every_s: float | None
    database_url: str | None


def small_videos(folder: Path, count: int) -> Path:
    """Films of a second in two scenes; they differ by padding at their end."""
    folder.mkdir(parents=True)
    content = make(Clip(width=160, height=90, count=30, cuts=(15,), group=15), folder).read_bytes()
    for number in range(1, count):
        padding = (8 + number).to_bytes(4, "big") + b"free" + bytes(number)
        (folder / f"film-{number:04}.mp4").write_bytes(content + padding)
    return folder


def measured(folder: Path, home: Path, given: Given) -> Measured:
    """Enter the folder as a job, start the workers, and wait."""
    environment = os.environ | QUIET | BEATS | {"HEIMDEX_HOME": str(home)}
    if given.database_url is not None:
        environment["HEIMDEX_DATABASE_URL"] = given.database_url

    def start(*command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*HEIMDEX, *command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    with Heimdex(home=home, database_url=given.database_url, speech="off", writing=False) as library:
        service = start("serve", "--no-worker", "--port", "0", "--json")
        assert service.stdout is not None
        address = json.loads(service.stdout.readline())["listening"]
        job = library.jobs.add_index(folder)
        fleet = [start("worker") for _ in range(given.workers)]
        asker = Asker(address)
        asker.start()
        began = time.perf_counter()
        try:
            kills = troubled(library, job.job_id, fleet, lambda: start("worker"), given.kill_every_s)
            took = time.perf_counter() - began
        finally:
            asker.end()
            for process in (*fleet, service):
                process.terminate()
            for process in (*fleet, service):
                process.wait()
        found = library.jobs.get(job.job_id)
        if found.state != "done" or asker.failed:
            raise SystemExit(f"the job is {found.state}: {found.error}; {len(asker.failed)} searches failed")
        assets, faults = len(library.assets()["assets"]), len(library.verify(sample=-1).faults)
    return Measured(
        workers=given.workers, seconds=took, kills=kills, assets=assets, faults=faults, answers=asker.answered
    )


def troubled(
    library: Heimdex,
    job_id: str,
    fleet: list[subprocess.Popen[str]],
    start: Callable[[], subprocess.Popen[str]],
    kill_every_s: float | None,
) -> int:
    """Wait for the job's end and disturb the fleet meanwhile; how many were killed."""
    kills, last = 0, time.perf_counter()
    asleep: subprocess.Popen[str] | None = None
    slept = False
    while not library.jobs.get(job_id).state.has_ended:
        time.sleep(0.1)
        if kill_every_s is None or time.perf_counter() - last < kill_every_s:
            continue
        last = time.perf_counter()
        place = random.randrange(len(fleet))
        if asleep is not None:
            asleep.send_signal(signal.SIGCONT)
            asleep = None
        elif kills == 1 and not slept and len(fleet) > 1:
            asleep, slept = fleet[place], True
            asleep.send_signal(signal.SIGSTOP)
        else:
            fleet[place].kill()
            fleet[place].wait()
            fleet[place] = start()
            kills += 1
    if asleep is not None:
        asleep.send_signal(signal.SIGCONT)
    return kills


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=300)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--kill-every", type=float, metavar="S")
    parser.add_argument("--external", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = small_videos(Path(scratch) / "videos", given.videos)
        print("| workers | seconds | videos/s | killed | assets | faults | searches answered |")
        print("|---|---|---|---|---|---|---|")
        for workers in given.workers:
            with server_of_its_own(Path(scratch) / f"server-{workers}", wanted=given.external) as url:
                asked = Given(workers=workers, kill_every_s=given.kill_every, database_url=url)
                line = measured(folder, Path(scratch) / f"home-{workers}", asked)
            rate = given.videos / line.seconds
            print(
                f"| {line.workers} | {line.seconds:.1f} | {rate:.1f} | {line.kills} | {line.assets} "
                f"| {line.faults} | {line.answers} |",
                flush=True,
            )


@contextmanager
def server_of_its_own(folder: Path, *, wanted: bool) -> Iterator[str | None]:
    """A database server beside all homes, migrated; the application's address of it."""
    if not wanted:
        yield None
        return
    folder.mkdir()
    server = EmbeddedPostgres(folder)
    try:
        admin = server.start()
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("CREATE DATABASE heimdex")
        root = make_conninfo(admin, dbname="heimdex")
        with psycopg.connect(root) as connection:
            migrate(connection, further=[queue_schema()])
        yield make_conninfo(root, user="heimdex_app")
    finally:
        server.stop_now()
        server.close()


if __name__ == "__main__":
    main()
