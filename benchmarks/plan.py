"""What every benchmark is told: where it may keep things, how much to do, and on how many cores."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from heimdex import Heimdex

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared/data"
SEEN = ["scenes", "picture"]  # the stages of the design's bars; the others have parts of their own
STAGES = ("--stages", ",".join(SEEN))
CORES = 2  # everything is measured on so many, the peers too


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Options of a run."""

    cache: Path  # films, photos and weights that are made once, outside the repository
    quick: bool  # small sizes and few runs: shows that it works, not how fast

    def runs(self, wanted: int) -> int:
        """How often to measure."""
        return 1 if self.quick else wanted


def hold_to_cores() -> None:
    """Keep this process and its children to the cores, whatever the machine has; Linux only."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    os.environ["HEIMDEX_WORKERS"] = os.environ["HEIMDEX_THREADS"] = str(CORES)
    os.environ["OMP_NUM_THREADS"] = str(CORES)


@contextmanager
def fresh_home() -> Iterator[Path]:
    """A data folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="heimdex-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def heimdex(*words: str | Path, home: Path) -> list[str]:
    """A `heimdex` command line of this environment, on that home; a refused file makes `index` fail."""
    strict = ["--strict"] if words[0] == "index" else []
    program = str(Path(sys.executable).parent / "heimdex")
    return [program, *map(str, words), *strict, "--home", str(home), "--json"]


def run(command: list[str]) -> str:
    """Run to the end; its stdout. What it says on stderr is shown only when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def index(library: Heimdex, *paths: Path, stages: list[str] | None = None) -> None:
    """Index with an open library. Raises SystemExit where a file is refused: its time is worthless."""
    report = library.index(*paths, stages=stages)
    if report.failed:
        raise SystemExit(f"not indexed: {report.failed[0]}")


def set_aside(files: Iterable[Path], folder: Path) -> list[Path]:
    """Copies of kept frames, which outlive the index they were made for."""
    copies = []
    for number, file in enumerate(files):
        copies.append(folder / f"{number}{file.suffix}")
        shutil.copyfile(file, copies[-1])
    return copies


def photos(count: int | None = None) -> list[Path]:
    """The real photos beside the repository, in order. Raises SystemExit where there are none."""
    found = sorted((DATA / "photos").glob("*.jpg"))[:count]
    if not found:
        raise SystemExit(f"no photos in {DATA / 'photos'}: this benchmark needs the test data")
    return found
