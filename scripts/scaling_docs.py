"""Writes the arithmetic of docs/howto/scaling.md: what is measured or assumed stands here, all else follows.

PYTHONPATH=src python scripts/scaling_docs.py            # --check: exit 1 where it is out of date
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "scaling.md"

# Measured; the page's first table says with what.
FRAMES_A_SCENE = 2.26
SCENE_BYTES, FRAME_BYTES = 933, 1_797
VECTOR_BYTES, VECTOR_HNSW_BYTES = 1_639 + 300, 1_366
TERM_BYTES = 9_000
TEXT_BYTES, TEXT_HNSW_BYTES = 1_367 + 226, 1_171
FILE_BYTES = 59_700
INDEX_CORE_S_A_MINUTE = 10.6 * 2
HNSW_S = 0.0044
SEARCH_S = 0.070

# Assumed; the page says so.
SCENES_AN_HOUR = 600
TEXTS_A_SCENE = 3
HOURS_AN_OWNER = 100
MEMORY_FOR_HNSW_GB = 400
SEARCHES_A_SECOND, BUSY = 100, 0.5
CORE_HOUR, MACHINE_HOUR, GB_MONTH = 0.04, 4.0, 0.023
MONTH_H = 730
INDEXED_IN_DAYS = 30
WORKER_CORES = 2

MB, GB, TB = 1e6, 1e9, 1e12
Row = tuple[str, ...]


class Library:
    """What so many hours of film take."""

    def __init__(self, hours: float) -> None:
        self.scenes = hours * SCENES_AN_HOUR
        self.frames = self.scenes * FRAMES_A_SCENE
        self.texts = self.scenes * TEXTS_A_SCENE
        self.pictures_hnsw = self.frames * VECTOR_HNSW_BYTES
        self.texts_hnsw = self.texts * TEXT_HNSW_BYTES
        self.hnsw = self.pictures_hnsw + self.texts_hnsw
        self.seen = self.scenes * SCENE_BYTES + self.frames * (FRAME_BYTES + VECTOR_BYTES)
        self.seen += self.pictures_hnsw
        self.worded = self.scenes * TERM_BYTES + self.texts * TEXT_BYTES + self.texts_hnsw
        self.database = self.seen + self.worded
        self.files = self.frames * FILE_BYTES
        self.core_h = hours * 60 * INDEX_CORE_S_A_MINUTE / 3600
        self.hnsw_core_h = (self.frames + self.texts) * HNSW_S / 3600
        self.shards = math.ceil(self.hnsw / GB / MEMORY_FOR_HNSW_GB)


def hour() -> list[Row]:
    """An hour of film."""
    one = Library(1)
    return [
        ("scenes", f"{one.scenes:,.0f}", f"{one.scenes * SCENE_BYTES / MB:.1f} MB"),
        ("kept frames", f"{one.frames:,.0f}", f"{one.frames * FRAME_BYTES / MB:.1f} MB"),
        ("vectors of pictures", f"{one.frames:,.0f}", f"{one.frames * VECTOR_BYTES / MB:.1f} MB"),
        ("… their HNSW", "", f"{one.pictures_hnsw / MB:.1f} MB"),
        ("**for what is seen**", "", f"**{one.seen / MB:.1f} MB**"),
        ("terms of words", "", f"{one.scenes * TERM_BYTES / MB:.1f} MB"),
        ("vectors of texts", f"{one.texts:,.0f}", f"{one.texts * TEXT_BYTES / MB:.1f} MB"),
        ("… their HNSW", "", f"{one.texts_hnsw / MB:.1f} MB"),
        ("**in the database, words in every scene**", "", f"**{one.database / MB:.1f} MB**"),
        (
            "kept frames and thumbnails, as files",
            f"{2 * one.frames:,.0f} files",
            f"{one.files / MB:.0f} MB",
        ),
        ("processor, for what is seen", "", f"{one.core_h:.2f} core hours"),
    ]


def sizes() -> list[Row]:
    """Libraries of some sizes."""
    rows: list[Row] = []
    for hours in (1_000, 10_000, 50_000, 1_000_000):
        it = Library(hours)
        rows.append(
            (
                f"{hours:,}",
                f"{it.scenes / 1e6:,.1f}",
                f"{it.frames / 1e6:,.1f}",
                f"{it.texts / 1e6:,.1f}",
                f"{it.database / GB:,.0f} GB",
                f"{it.hnsw / GB:,.1f} GB",
                f"{it.files / TB:,.2f} TB",
                f"{it.core_h:,.0f}",
                f"{it.core_h / 32 / 24:,.1f} days",
            )
        )
    return rows


def million() -> list[Row]:
    """10⁶ hours."""
    it, owner = Library(1_000_000), Library(HOURS_AN_OWNER)
    cores = it.core_h / 24 / INDEXED_IN_DAYS
    a_core = BUSY / SEARCH_S
    return [
        ("scenes", f"10⁶ × {SCENES_AN_HOUR}", f"{it.scenes / 1e6:,.0f} million"),
        ("kept frames, vectors of pictures", f"× {FRAMES_A_SCENE}", f"{it.frames / 1e6:,.0f} million"),
        ("vectors of texts", f"scenes × {TEXTS_A_SCENE}", f"{it.texts / 1e6:,.0f} million"),
        (
            "scenes, kept frames: rows and keys",
            f"× {SCENE_BYTES}, × {FRAME_BYTES:,} bytes",
            f"{(it.scenes * SCENE_BYTES + it.frames * FRAME_BYTES) / TB:.1f} TB",
        ),
        (
            "vectors: rows and keys",
            f"× {VECTOR_BYTES:,}, × {TEXT_BYTES:,} bytes",
            f"{(it.frames * VECTOR_BYTES + it.texts * TEXT_BYTES) / TB:.1f} TB",
        ),
        (
            "vectors: HNSW",
            f"× {VECTOR_HNSW_BYTES:,}, × {TEXT_HNSW_BYTES:,} bytes",
            f"{it.hnsw / TB:.1f} TB",
        ),
        ("terms of words", f"scenes × {TERM_BYTES:,} bytes", f"{it.scenes * TERM_BYTES / TB:.1f} TB"),
        ("**database**", "sum", f"**{it.database / TB:.1f} TB**"),
        ("files", f"kept frames × {FILE_BYTES:,} bytes", f"{it.files / TB:.0f} TB"),
        (
            "processor for indexing",
            f"10⁶ × {INDEX_CORE_S_A_MINUTE:.1f} s × 60",
            f"{it.core_h:,.0f} core hours",
        ),
        (
            "workers",
            f"in {INDEXED_IN_DAYS} days, of {WORKER_CORES} cores each",
            f"{math.ceil(cores / WORKER_CORES):,}",
        ),
        ("HNSW built", f"all vectors × {HNSW_S * 1000} ms", f"{it.hnsw_core_h:,.0f} core hours"),
        (
            "a partition for each owner",
            f"{1_000_000 // HOURS_AN_OWNER:,} owners of {HOURS_AN_OWNER} hours",
            f"{(owner.frames + owner.texts) / 1e3:,.0f} thousand vectors, HNSW of {owner.hnsw / MB:,.0f} MB",
        ),
        (
            "shards by owner",
            f"HNSW in memory, {MEMORY_FOR_HNSW_GB} GB of 512 for it",
            f"{it.shards}, of {it.database / TB / it.shards:.1f} TB each",
        ),
        ("database machines", "a replica of each shard", f"{2 * it.shards}"),
        (
            "cores for searches",
            f"{SEARCHES_A_SECOND} a second; a core does {a_core:.1f} at {SEARCH_S * 1000:.1f} ms, half busy",
            f"{math.ceil(SEARCHES_A_SECOND / a_core)}",
        ),
    ]


def money() -> list[Row]:
    """What it costs, at the assumed prices."""
    it = Library(1_000_000)
    cores = math.ceil(SEARCHES_A_SECOND / (BUSY / SEARCH_S))
    once = it.core_h + it.hnsw_core_h
    monthly = (2 * it.shards * MONTH_H * MACHINE_HOUR, it.files / GB * GB_MONTH, cores * MONTH_H * CORE_HOUR)
    return [
        ("indexing, once", f"{once:,.0f} core hours × {CORE_HOUR} $", f"{once * CORE_HOUR:,.0f} $"),
        ("database", f"{2 * it.shards} × {MONTH_H} h × {MACHINE_HOUR:.0f} $", f"{monthly[0]:,.0f} $ a month"),
        ("files", f"{it.files / GB:,.0f} GB × {GB_MONTH} $", f"{monthly[1]:,.0f} $ a month"),
        ("searches", f"{cores} × {MONTH_H} h × {CORE_HOUR} $", f"{monthly[2]:,.0f} $ a month"),
        ("**together**", "", f"**{sum(monthly):,.0f} $ a month**"),
    ]


HEADS: dict[str, tuple[str, ...]] = {
    "hour": ("", "rows", "bytes"),
    "sizes": (
        "hours",
        "scenes, million",
        "kept frames, million",
        "texts, million",
        "database",
        "of it HNSW",
        "files",
        "core hours",
        "on 32 cores",
    ),
    "million": ("", "arithmetic", ""),
    "money": ("", "", ""),
}


def table(head: Sequence[str], rows: Sequence[Row]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(text: str) -> str:
    """The page with tables that are up to date."""
    for name, made in (("hour", hour), ("sizes", sizes), ("million", million), ("money", money)):
        begin, end = f"<!-- {name}: by scripts/scaling_docs.py -->", f"<!-- end of {name} -->"
        before, mark, rest = text.partition(begin)
        _, closing, after = rest.partition(end)
        if not (mark and closing):
            raise SystemExit(f"{PAGE} has no place for {name}")
        text = f"{before}{begin}\n\n{table(HEADS[name], made())}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    now = PAGE.read_text(encoding="utf-8")
    wanted = page(now)
    if "--check" in sys.argv:
        sys.exit(now != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
