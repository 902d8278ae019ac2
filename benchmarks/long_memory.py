"""The memory of an index run's processes: over one minute of 1080p, and over hours."""

from __future__ import annotations

from pathlib import Path

from benchmarks.films import cached_film
from benchmarks.long_film import SHORT_S, make_long_film
from benchmarks.memory import Taken, Watched, watch
from benchmarks.plan import STAGES, Plan, fresh_home, heimdex, run
from benchmarks.rows import Row

PEAK_BAR_GB = 0.9
GROWTH_BAR = 1.1  # the last quarter's median to the second quarter's
GB = 1e9


def memory_rows(plan: Plan) -> list[Row]:
    """The memory line of the design's table."""
    big = cached_film(plan.cache, seconds=10 if plan.quick else 60, width=1920, height=1080, bframes=True)
    minutes = 3 if plan.quick else 180
    short = cached_film(plan.cache, seconds=SHORT_S, width=640, height=360)
    long = make_long_film(short.path, plan.cache / f"long-{minutes}min-360p.mp4", minutes)
    wide, tall = watched(big.path), watched(long)
    name = f"{minutes / 60:g} hours of 360p"
    return [
        peak_row("largest worker over a minute of 1080p", wide),
        peak_row(f"largest worker over {name} ({tall.seconds:.0f} s)", tall),
        Row(
            what="… all processes of the command together, the database server aside",
            figure=f"{tall.peak_bytes / GB:.2f} GB",
        ),
        growth_row("… the decoding worker's last quarter to its second", longest(tall, workers(tall))),
        growth_row("… the command's own", longest(tall, [p for p in tall.processes if not is_worker(p)])),
    ]


def watched(film: Path) -> Watched:
    """An index run, watched."""
    with fresh_home() as home:
        run(heimdex("status", home=home))
        found = watch(heimdex("index", film, *STAGES, home=home), every_s=0.2)
    if found.returncode != 0:
        raise SystemExit(f"indexing {film} ended with {found.returncode}")
    return found


def is_worker(taken: Taken) -> bool:
    """Whether a process is one of ours that decodes or infers."""
    return "worker_main" in taken.command


def workers(found: Watched) -> list[Taken]:
    """The worker processes."""
    return [taken for taken in found.processes if is_worker(taken)]


def longest(found: Watched, among: list[Taken]) -> Taken:
    """The largest of those that were there most of the time; decoding takes one worker the whole run."""
    lived = max(taken.seconds for taken in among)
    return max((taken for taken in among if taken.seconds > lived / 2), key=lambda taken: taken.late_bytes)


def peak_row(what: str, found: Watched) -> Row:
    """The peak of the worker that took most."""
    peak = max(taken.peak_bytes for taken in workers(found)) / GB
    return Row(what=what, figure=f"{peak:.2f} GB", bar=f"≤ {PEAK_BAR_GB} GB", holds=peak <= PEAK_BAR_GB)


def growth_row(what: str, taken: Taken) -> Row:
    """How much a process grew over its life."""
    growth = taken.late_bytes / taken.early_bytes
    figure = f"{growth:.2f} × ({taken.early_bytes / GB:.2f} GB to {taken.late_bytes / GB:.2f} GB)"
    return Row(what=what, figure=figure, bar=f"≤ {GROWTH_BAR} ×", holds=growth <= GROWTH_BAR)
