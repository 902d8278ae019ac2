"""Run a command and say how much memory each of its processes took, and whether it grew.

    python -m benchmarks.memory [--every 0.5] COMMAND …

Memory is the proportional set size of Linux (/proc/PID/smaps_rollup, "Pss"): pages shared by several
processes are divided among them, so that processes can be added up. Only descendants of the command are seen:
a server that made itself a daemon, like an embedded Postgres, is not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one process took; `early_bytes` and `late_bytes` are medians of its second and last quarter."""

    pid: int
    command: str
    seconds: float
    peak_bytes: int
    early_bytes: int
    late_bytes: int


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a whole command took. `peak_bytes` is the largest sum over its processes at one time."""

    returncode: int
    seconds: float
    peak_bytes: int
    processes: tuple[Taken, ...]


@dataclass
class Life:
    """The samples of one process."""

    command: str
    samples: list[tuple[float, int]] = field(default_factory=list)


def watch(command: list[str], every_s: float = 0.5) -> Watched:
    """Run the command to its end, sampling it and all its descendants every `every_s` seconds."""
    began = time.monotonic()
    lives: dict[int, Life] = {}
    peak = 0
    with subprocess.Popen(command, stdout=sys.stderr) as process:
        while process.poll() is None:
            now = time.monotonic() - began
            total = 0
            for pid in family(process.pid):
                size = memory_bytes(pid)
                if size:
                    lives.setdefault(pid, Life(command_line(pid))).samples.append((now, size))
                    total += size
            peak = max(peak, total)
            time.sleep(every_s)
    taken = tuple(summary(pid, life) for pid, life in lives.items())
    seconds = time.monotonic() - began
    return Watched(returncode=process.returncode, seconds=seconds, peak_bytes=peak, processes=taken)


def family(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            try:
                status = (entry / "stat").read_text()
            except OSError:  # it has ended meanwhile
                continue
            parent = int(status.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return found


def memory_bytes(pid: int) -> int:
    """The proportional set size; 0 where the process has ended."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def command_line(pid: int) -> str:
    """The first words of the command, to tell processes apart."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode("utf-8", "replace").strip()[:120]


def summary(pid: int, life: Life) -> Taken:
    """Peak and trend of one process."""
    sizes = [size for _, size in life.samples]
    quarter = max(len(sizes) // 4, 1)
    return Taken(
        pid=pid,
        command=life.command,
        seconds=life.samples[-1][0] - life.samples[0][0],
        peak_bytes=max(sizes),
        early_bytes=round(statistics.median(sizes[quarter : 2 * quarter] or sizes)),
        late_bytes=round(statistics.median(sizes[-quarter:])),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two samples")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if not given.command:
        parser.error("a command to run is needed")
    watched = watch(given.command, given.every)
    print(json.dumps(asdict(watched), indent=1))
    return watched.returncode


if __name__ == "__main__":
    sys.exit(main())
