"""Nearest neighbours in a large library: recall and time of the index, and the time of a whole text search.

python -m benchmarks --only knn
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from benchmarks.crowd import Crowd, Matrix, Size, crowd, encoder, jittered
from benchmarks.crowd_words import TEXT_MODEL
from benchmarks.plan import Plan
from benchmarks.rows import Row, at_most
from heimdex.config import SINGLE_OWNER
from heimdex.encoders import catalog
from heimdex.entities import Filters, Query
from heimdex.search.meanings import TextSide
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.search.sight import OneModel
from heimdex.store import nearest, vectors
from heimdex.store.vectors import StoredModel, to_text

HITS = 10
RECALL_BAR, KERNEL_BAR_MS, SEARCH_BAR_MS = 0.999, 2.0, 15.0
WORDS = (
    "a dog on the grass",
    "red car",
    "musical instrument",
    "a boat on the water",
    "bird",
    "coffee",
    "snake",
)


def knn_rows(plan: Plan) -> list[Row]:
    """The kNN line of the design's table."""
    scenes = 5_000 if plan.quick else 200_000
    queries = 20 if plan.quick else 200
    films = Size(scenes=scenes, frames=1, scenes_per_asset=100, spaces=("joint",))
    photos = Size(scenes=scenes, frames=1, scenes_per_asset=1, spaces=("labels",))
    full = Size(scenes=scenes, frames=3, scenes_per_asset=100, spaces=("labels",), words=True)
    with crowd(plan.cache, films) as made:
        rows = index_rows(made, queries)
    everything = (
        f"{scenes:,} scenes with three vectors each, words said, written and described, and their meaning"
    )
    for size, what in ((photos, f"{scenes:,} photos"), (full, everything)):
        with crowd(plan.cache, size) as made:
            rows += search_rows(made, what, plan)
    return rows


def index_rows(made: Crowd, count: int) -> list[Row]:
    """The index of a space of CLIP's size."""
    queries = jittered(made.base["joint"][:count], seed=11)
    list(found_by(made, queries, exact=False))  # warm
    found = list(found_by(made, queries, exact=False))
    truth = list(found_by(made, queries, exact=True))
    hit = statistics.mean(
        len(set(ours) & set(true)) / HITS for (ours, _), (true, _) in zip(found, truth, strict=True)
    )
    kernel = kernel_ms(made, queries)
    return [
        Row(
            what=f"recall@{HITS} of `nearest_scenes` over the index, {count} queries",
            figure=f"{hit:.4f}",
            bar=f"≥ {RECALL_BAR}",
            holds=hit >= RECALL_BAR,
        ),
        at_most("… one look-up inside the database (EXPLAIN ANALYZE), p50", kernel, "ms", KERNEL_BAR_MS),
        at_most("… `nearest_scenes`, counting and round trips included, p50", middle(found), "ms"),
        at_most("… by an exact scan of all rows instead, p50", middle(truth), "ms"),
    ]


def found_by(made: Crowd, queries: Matrix, *, exact: bool) -> Iterator[tuple[list[str], float]]:
    """For each query its ten nearest scenes, and the milliseconds they took."""
    stored = made.model.space("joint")
    for query in queries:
        with made.database.transaction(SINGLE_OWNER, read_only=True) as connection:
            began = time.perf_counter()
            scenes = nearest.nearest_scenes(
                connection, SINGLE_OWNER, stored, query, Filters(), limit=HITS, exact=exact
            )
            yield scenes, (time.perf_counter() - began) * 1000


def kernel_ms(made: Crowd, queries: Matrix) -> float:
    """Median execution time of the index scan alone, as EXPLAIN ANALYZE tells it."""
    stored = made.model.space("joint")
    times = []
    for query in queries:
        with made.database.transaction(SINGLE_OWNER, read_only=True) as connection:
            connection.execute(f"SET LOCAL hnsw.ef_search = {nearest.EF_SEARCH}")
            connection.execute("SET LOCAL hnsw.iterative_scan = relaxed_order")
            row = connection.execute(
                f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) SELECT scene_id FROM heimdex.vector "
                f"WHERE owner_id = %s AND space_id = {stored.space_id} AND embedding IS NOT NULL "
                f"ORDER BY embedding::halfvec({stored.space.dim}) <=> %s::halfvec({stored.space.dim}) "
                f"LIMIT {HITS}",
                [SINGLE_OWNER, to_text(query)],
            ).fetchone()
            assert row is not None
            times.append(float(row[0][0]["Execution Time"]))
    return statistics.median(times)


def search_rows(made: Crowd, what: str, plan: Plan) -> list[Row]:
    """The whole text search: words to vector, candidates, exact scores, hits."""
    searcher = Searcher(
        made.database,
        SINGLE_OWNER,
        made.home,
        OneModel(encoder, lambda _: made.model),
        SearchOptions(exact_rows=nearest.EXACT_ROWS, max_pixels=10**8, texts=texts()),
    )
    # A limit of its own for every round, or the second would find the list of the first.
    rounds = range(1 + plan.runs(15))
    times = [[searcher.search(Query(text=words, limit=10 + n)).took_ms for words in WORDS] for n in rounds]
    warm = [took for took_each in times[1:] for took in took_each]
    return [
        at_most(f"whole text search over {what}, warm, p50", statistics.median(warm), "ms", SEARCH_BAR_MS),
        at_most("… p95", statistics.quantiles(warm, n=20)[-1], "ms"),
    ]


def texts() -> TextSide:
    """The starter's sentence model, as a crowd knows it."""
    model = catalog.load_text(TEXT_MODEL)
    return TextSide(load=lambda: model, find=find_text_model)


def find_text_model(connection: Connection[Any]) -> StoredModel | None:
    """None in a crowd without words."""
    return vectors.find_model(connection, TEXT_MODEL, "int8", "1" * 64)


def middle(found: list[tuple[list[str], float]]) -> float:
    """The median time."""
    return statistics.median(took for _, took in found)
