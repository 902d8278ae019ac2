"""What every benchmark is told: where it may keep things, how much to do, and on how many cores."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared/data"
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
    """A `heimdex` command line of this environment, on that home."""
    return [str(Path(sys.executable).parent / "heimdex"), *map(str, words), "--home", str(home), "--json"]


def run(command: list[str]) -> str:
    """Run to the end; its stdout. What it says on stderr is shown only when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def photos(count: int | None = None) -> list[Path]:
    """The real photos beside the repository, in order. Raises SystemExit where there are none."""
    found = sorted((DATA / "photos").glob("*.jpg"))[:count]
    if not found:
        raise SystemExit(f"no photos in {DATA / 'photos'}: this benchmark needs the test data")
    return found
