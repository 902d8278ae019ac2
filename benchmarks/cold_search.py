"""`heimdex search` as a new process: with the database server down, and with it up."""

from __future__ import annotations

import statistics
import sys

from benchmarks.plan import SEEN, Plan, fresh_home, heimdex, index, photos, run
from benchmarks.rows import Row, at_most, interleaved
from heimdex import Heimdex

WORDS = "a dog on the grass"
BAR_S = 1.5


def cold_search_rows(plan: Plan) -> list[Row]:
    """The cold-shell line of the design's table."""
    with fresh_home() as home:
        with Heimdex(home=home) as library:
            index(library, *photos(20 if plan.quick else None), stages=SEEN)
        search = heimdex("search", WORDS, home=home)
        run(search)  # the text model's compiled graph is made once a home
        down = interleaved(
            {
                "python": lambda: run([sys.executable, "-c", "pass"]),
                "help": lambda: run([search[0], "--help"]),
                "down": lambda: run(search),
            },
            plan.runs(7),
        )
        with Heimdex(home=home) as library:
            library.status()
            up = interleaved({"up": lambda: run(search)}, plan.runs(7))
            warm = [library.search(WORDS, limit=number + 1).took_ms for number in range(1 + plan.runs(20))][
                1:
            ]
    middle = {name: statistics.median(times) for name, times in (down | up).items()}
    return [
        at_most("`heimdex search` from a cold shell, database server down", middle["down"], "s", BAR_S),
        at_most("… server up", middle["up"], "s", BAR_S),
        at_most("… `heimdex --help`", middle["help"], "s"),
        at_most("… an empty Python", middle["python"], "s"),
        at_most("… the search itself in a process that is warm, p50", statistics.median(warm), "ms"),
    ]
