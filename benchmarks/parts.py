"""The parts of the table, and how one of them is measured: in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context

from benchmarks.plan import Plan
from benchmarks.rows import Row, table


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the table; `function` is module:function, called with the plan, gives rows or Markdown."""

    title: str
    function: str


PARTS = {
    "film": Part(title="Films", function="film_speed:film_rows"),
    "embedding": Part(title="Pictures to vectors", function="embedding:embedding_rows"),
    "models": Part(title="Models of full size", function="models:models_text"),
    "photos": Part(title="Photos", function="photo_speed:photo_rows"),
    "knn": Part(title="Nearest neighbours and text search", function="knn:knn_rows"),
    "backfill": Part(title="Vectors for what is indexed", function="backfill:backfill_rows"),
    "cold": Part(title="A search from a cold shell", function="cold_search:cold_search_rows"),
    "memory": Part(title="Memory", function="long_memory:memory_rows"),
    "speech": Part(title="Speech", function="speech:speech_rows"),
    "cuts": Part(title="Cuts", function="cuts:cuts_text"),
    "retrieval": Part(title="Retrieval with the starter", function="quality:retrieval_text"),
    "serving": Part(title="Fifty searchers at once", function="serving:serving_rows"),
    "upload": Part(title="Uploads", function="uploading:upload_rows"),
    "writing": Part(title="Writing in pictures", function="writing:writing_text"),
}


def measured(part: Part, plan: Plan) -> str:
    """A part's Markdown, measured in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, part.function, plan).result()


def _measure(function: str, plan: Plan) -> str:
    module, _, name = function.partition(":")
    work: Callable[[Plan], list[Row] | str] = getattr(import_module(f"benchmarks.{module}"), name)
    found = work(plan)
    return found if isinstance(found, str) else table(found)
