"""Fifty people at one service: text searches over HTTP in a large library, all at once.

python -m benchmarks --only serving
"""

from __future__ import annotations

import http.client
import json
import random
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import psycopg

from benchmarks.crowd import Crowd, Size, crowd
from benchmarks.crowd_words import TEXT_MODEL
from benchmarks.memory import family, memory_bytes
from benchmarks.plan import Plan
from benchmarks.rows import Row, at_most
from benchmarks.uploading import serving
from heimdex.app.parts import load_options
from heimdex.config import Settings
from heimdex.encoders import catalog

PEOPLE = 50
SECONDS, QUICK_SECONDS = 60.0, 5.0
THINGS = (
    "dog,red car,boat,bird,coffee,snake,guitar,flower,mountain,bridge,bus,tower,beach,cat,wolf,chair".split(
        ","
    )
)
WHERE = ("", " on the grass", " on the water", " at night", " in the snow", " near a house", " close up")


@dataclass
class Asked:
    """What one of them met."""

    took_s: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    empty: int = 0


def serving_rows(plan: Plan) -> list[Row]:
    """Requests a second, how long one takes, and the memory of service and database."""
    scenes = 5_000 if plan.quick else 200_000
    full = Size(scenes=scenes, frames=3, scenes_per_asset=100, spaces=("labels",), words=True)
    seconds = QUICK_SECONDS if plan.quick else SECONDS
    with crowd(plan.cache, full) as made, named_as_shipped(made), serving(made.home) as (process, address):
        asked_by(4, address, seconds / 2)  # what lies on the disk comes into memory
        one = asked_by(1, address, seconds / 4)
        many = asked_by(PEOPLE, address, seconds)
        service, database = family_bytes(process.pid), database_bytes(made.home)
    if many.failed or one.failed:
        raise SystemExit(f"{len(many.failed)} requests failed: {(many.failed or one.failed)[0]}")
    parts = statistics.quantiles(many.took_s, n=100)
    return [
        at_most(
            f"one searcher at a time, {scenes:,} scenes, warm, p50", 1e3 * statistics.median(one.took_s), "ms"
        ),
        at_most(f"{PEOPLE} at once, answers a second", len(many.took_s) / seconds, "1/s"),
        at_most("… p50", 1e3 * parts[49], "ms"),
        at_most("… p99", 1e3 * parts[98], "ms"),
        at_most(f"… of {len(many.took_s)} answers, without a hit", many.empty, ""),
        at_most("memory of the service then", service / 1e6, "MB"),
        at_most("memory of the database then, its shared pages once", database / 1e6, "MB"),
    ]


def asked_by(people: int, address: str, seconds: float) -> Asked:
    """So many search one after the other until the time is over; a first round is not counted."""
    host = address.removeprefix("http://")
    found = [Asked() for _ in range(people)]
    begin = threading.Barrier(people)
    threads = [
        threading.Thread(target=ask, args=(host, number, begin, seconds, asked))
        for number, asked in enumerate(found)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Asked(
        took_s=[took for asked in found for took in asked.took_s],
        failed=[why for asked in found for why in asked.failed],
        empty=sum(asked.empty for asked in found),
    )


def ask(host: str, number: int, begin: threading.Barrier, seconds: float, asked: Asked) -> None:
    """One searcher on one connection."""
    chosen = random.Random(number)
    line = http.client.HTTPConnection(host, timeout=120)
    search(line, "warm up", asked)
    asked.took_s.clear()
    begin.wait()
    until = perf_counter() + seconds
    while perf_counter() < until:
        search(line, chosen.choice(THINGS) + chosen.choice(WHERE), asked)
    line.close()


def search(line: http.client.HTTPConnection, text: str, asked: Asked) -> None:
    """One request and its answer."""
    began = perf_counter()
    body = json.dumps({"text": text, "nearest": True})
    line.request("POST", "/api/v1/search", body, {"Content-Type": "application/json"})
    answer = line.getresponse()
    said = answer.read()
    if answer.status != 200:
        asked.failed.append(f"{answer.status} {said[:200]!r}")
        return
    asked.took_s.append(perf_counter() - began)
    asked.empty += not json.loads(said)["hits"]


@contextmanager
def named_as_shipped(made: Crowd) -> Iterator[None]:
    """The crowd's models under the keys of those the service loads, for the time of the block."""
    options = load_options(Settings(home=made.home))
    rows = {"bench": catalog.find("starter"), TEXT_MODEL: catalog.find(TEXT_MODEL)}
    keys = {name: (row.name, row.precision, catalog.fingerprint(row, options)) for name, row in rows.items()}
    update = "UPDATE heimdex.model SET name = %s, precision = %s, weights_sha256 = %s WHERE model_id = %s"
    with psycopg.connect(made.root, autocommit=True) as connection:
        found = connection.execute(
            "SELECT model_id, name, precision, weights_sha256 FROM heimdex.model WHERE name = ANY(%s)",
            [list(keys)],
        ).fetchall()
        try:
            for model_id, name, *_ in found:
                connection.execute(update, [*keys[name], model_id])
            yield
        finally:
            for model_id, *before in found:
                connection.execute(update, [*before, model_id])


def family_bytes(pid: int) -> int:
    """Memory of a process and of all that it started; shared pages are divided among who shares them."""
    return sum(map(memory_bytes, family(pid)))


def database_bytes(home: Path) -> int:
    """Memory of the embedded server of a home."""
    lines = next(home.rglob("postmaster.pid")).read_text().splitlines()
    return family_bytes(int(lines[0]))
