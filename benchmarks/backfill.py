"""Vectors for what is indexed already: `heimdex backfill`, from kept frames."""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.films import cached_film
from benchmarks.long_film import make_long_film
from benchmarks.plan import Plan, fresh_home, index, photos
from benchmarks.rows import Row, at_most, seconds
from heimdex import Heimdex

VECTORS, VECTORS_BAR_S = 1000, 10.0
SCENES, SCENES_BAR_S, FRAMES_A_SCENE = 1000, 30.0, 3
SCENES_A_MINUTE = 38  # of the film


def backfill_rows(plan: Plan) -> list[Row]:
    """The backfill line of the design's table."""
    photo_count, minutes = (50, 2) if plan.quick else (VECTORS, round(SCENES / SCENES_A_MINUTE + 0.5))
    pictures = many_photos(plan.cache, photo_count)
    short = cached_film(plan.cache, seconds=60, width=640, height=360)
    film = make_long_film(short.path, plan.cache / f"long-{minutes}min-360p.mp4", minutes)
    photo_s, photo_facts = backfill(pictures, plan.runs(3))
    film_s, film_facts = backfill(film, plan.runs(3))
    frames = film_facts["keyframes"]
    exactly_s = film_s * SCENES * FRAMES_A_SCENE / frames
    return [
        at_most(
            f"backfill of {photo_facts['keyframes']:,} photos, a vector in each of two spaces",
            photo_s * VECTORS / photo_facts["keyframes"],
            f"s per {VECTORS:,}",
            VECTORS_BAR_S,
        ),
        at_most(
            f"… of a film of {film_facts['scenes']:,} scenes with {frames:,} kept frames, library open",
            film_s,
            "s",
        ),
        at_most(
            f"… the same rate for {SCENES:,} scenes with {FRAMES_A_SCENE} vectors",
            exactly_s,
            "s",
            SCENES_BAR_S,
        ),
    ]


def backfill(source: Path, runs: int) -> tuple[float, dict[str, int]]:
    """Median seconds of a backfill, each time on a copy of a home whose scenes are done; its status."""
    times: list[float] = []
    with fresh_home() as home:
        with Heimdex(home=home) as library:
            index(library, source, stages=["scenes"])
        for _ in range(runs):
            with fresh_home() as parent:
                copy = parent / "copy"
                subprocess.run(["cp", "-a", home, copy], check=True)  # with owners: see store/accounts.py
                with Heimdex(home=copy) as library:
                    library.status()
                    times.append(seconds(library.backfill))
                    status = library.status()
                    filled = {space["space"]: space["filled"] for space in status["spaces"]}
                    if set(filled.values()) != {status["keyframes"]}:
                        raise SystemExit(f"vectors are missing: {filled} of {status['keyframes']}")
    return statistics.median(times), status


def many_photos(cache: Path, count: int) -> Path:
    """A folder of so many different photos, cut out of the real ones."""
    folder = cache / f"photos-{count}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        sources = photos()
        rng = np.random.default_rng(9)
        for number in range(count):
            with Image.open(sources[number % len(sources)]) as photo:
                width, height = photo.size
                left, top = (int(rng.uniform(0, 0.2) * side) for side in (width, height))
                cut = photo.convert("RGB").crop((left, top, left + int(width * 0.8), top + int(height * 0.8)))
                cut.save(folder / f"{number:05}.jpg", quality=88)
        (folder / "complete").touch()
    return folder
