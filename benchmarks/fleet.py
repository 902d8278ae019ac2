"""How workers share a folder: `python -m benchmarks.fleet [--videos 300] [--workers 1 2 3]`."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from heimdex import Heimdex
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


def small_videos(folder: Path, count: int) -> Path:
    """Films of a second in two scenes; they differ by padding at their end."""
    folder.mkdir(parents=True)
    content = make(Clip(width=160, height=90, count=30, cuts=(15,), group=15), folder).read_bytes()
    for number in range(1, count):
        padding = (8 + number).to_bytes(4, "big") + b"free" + bytes(number)
        (folder / f"film-{number:04}.mp4").write_bytes(content + padding)
    return folder


def measured(folder: Path, home: Path, workers: int, kill_every_s: float | None) -> Measured:
    """Enter the folder as a job, start the workers, and wait."""
    environment = os.environ | QUIET | BEATS | {"HEIMDEX_HOME": str(home)}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([*HEIMDEX, "worker"], env=environment, stderr=subprocess.DEVNULL)

    kills = 0
    with Heimdex(home=home, speech="off", writing=False) as library:
        job = library.jobs.add_index(folder)
        fleet = [start() for _ in range(workers)]
        began = last = time.perf_counter()
        try:
            while not (found := library.jobs.get(job.job_id)).state.has_ended:
                time.sleep(0.1)
                if kill_every_s is not None and time.perf_counter() - last > kill_every_s:
                    place = random.randrange(workers)
                    fleet[place].kill()
                    fleet[place].wait()
                    fleet[place] = start()
                    kills, last = kills + 1, time.perf_counter()
            took = time.perf_counter() - began
        finally:
            for worker in fleet:
                worker.terminate()
            for worker in fleet:
                worker.wait()
        if found.state != "done":
            raise SystemExit(f"the job is {found.state}: {found.error}")
        assets, faults = len(library.assets()["assets"]), len(library.verify(sample=-1).faults)
    return Measured(workers=workers, seconds=took, kills=kills, assets=assets, faults=faults)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=300)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--kill-every", type=float, metavar="S")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = small_videos(Path(scratch) / "videos", given.videos)
        print("| workers | seconds | videos/s | killed | assets | faults |\n|---|---|---|---|---|---|")
        for workers in given.workers:
            line = measured(folder, Path(scratch) / f"home-{workers}", workers, given.kill_every)
            rate = given.videos / line.seconds
            print(
                f"| {line.workers} | {line.seconds:.1f} | {rate:.1f} | {line.kills} | {line.assets} "
                f"| {line.faults} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
