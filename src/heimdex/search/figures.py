"""Figures about a whole library, which cost too much to count anew for every search."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from psycopg import Connection

from heimdex.entities import Filters
from heimdex.store import calibrations, nearest
from heimdex.store.calibrations import Sample
from heimdex.store.coverage import StageCoverage, coverage_of_stages
from heimdex.store.vectors import StoredSpace

T = TypeVar("T")
K = TypeVar("K")

COUNT_LIMIT = 50_000  # assets counted for the size of a library and for a word's rarity
KEPT_WORDS = 1000
SHARE = 0.01  # of the time that counting may take
QUICK_S, LONGEST_S = 0.001, 20.0
SAMPLE_ROWS = 512  # vectors a query's chance scores are taken from
SAMPLE_SHARE = 0.002  # of the time that drawing them may take


def stands_s(took_s: float, share: float) -> float:
    """How long a figure stands that took so long to count: counting takes no more than a share of the time.

    What takes longer than QUICK_S is of a large library, which changes slowly: it stands longer still, in
    proportion, up to LONGEST_S.
    """
    usual_s = took_s / share
    return max(usual_s, min(usual_s * took_s / QUICK_S, LONGEST_S))


class Figure(Generic[T]):
    """A figure that is counted when first asked for, and again no sooner than it costs a share of the time.

    In a small library, where counting takes a millisecond, it is never older than a tenth of a second.
    """

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._counted: tuple[T, float] | None = None  # the figure, and when it is due again

    def get(self, count: Callable[[], T]) -> T:
        """The figure, counted by `count` where there is none yet or it is due again."""
        counted = self._counted
        began_s = time.monotonic()
        if counted is not None and began_s < counted[1]:
            return counted[0]
        figure = count()
        ended_s = time.monotonic()
        self._counted = figure, ended_s + stands_s(ended_s - began_s, self._share)
        return figure


class Counts(Generic[K]):
    """Counts by key, each counted again no sooner than a Figure would be. Thread-safe."""

    def __init__(self, kept: int) -> None:
        self._limit = kept
        self._kept: OrderedDict[K, tuple[int, float]] = OrderedDict()  # the count, and when it is due again
        self._lock = threading.Lock()

    def get(self, keys: Iterable[K], count: Callable[[list[K]], Mapping[K, int]]) -> dict[K, int]:
        """The count of each key; those that are missing or due are counted by one call of `count`."""
        asked = list(dict.fromkeys(keys))
        began_s = time.monotonic()
        with self._lock:
            kept = [(key, self._kept.get(key)) for key in asked]
        found = {key: figure[0] for key, figure in kept if figure is not None and began_s < figure[1]}
        missing = [key for key in asked if key not in found]
        if missing:
            fresh = count(missing)
            ended_s = time.monotonic()
            due_s = ended_s + stands_s(ended_s - began_s, SHARE)
            found |= fresh
            with self._lock:
                self._kept |= {key: (number, due_s) for key, number in fresh.items()}
                while len(self._kept) > self._limit:
                    self._kept.popitem(last=False)
        return found


class LibraryFigures:
    """The figures of one owner's library that searches need. Thread-safe."""

    def __init__(self, owner: str, exact_rows: int) -> None:
        self._owner = owner
        self._exact_rows = exact_rows
        self._assets = Figure[int]()
        self._coverage: dict[int, Figure[tuple[int, int]]] = {}  # by model id
        self._small: dict[int, Figure[bool]] = {}  # by space id
        self._stages = Figure[dict[str, StageCoverage]]()
        self._samples: dict[int, Figure[Sample]] = {}  # by space id
        self._words = Counts[str](KEPT_WORDS)
        self._lock = threading.Lock()

    def assets(self, connection: Connection[Any]) -> int:
        """How many assets there are, counted up to COUNT_LIMIT."""
        return self._assets.get(lambda: nearest.count_assets(connection, self._owner, limit=COUNT_LIMIT))

    def words(self, connection: Connection[Any], words: Sequence[str]) -> dict[str, int]:
        """In how many assets' paths each word stands, counted up to COUNT_LIMIT."""

        def count(missing: Sequence[str]) -> dict[str, int]:
            return nearest.word_frequencies(connection, self._owner, missing, limit=COUNT_LIMIT)

        return self._words.get(words, count)

    def is_small(self, connection: Connection[Any], filters: Filters, stored: StoredSpace) -> bool:
        """Whether so few of a space's rows pass the filters that scanning them all is the better way."""

        def choose() -> bool:
            return nearest.choose_exact(connection, self._owner, stored, filters, exact_rows=self._exact_rows)

        if filters != Filters():
            return choose()
        with self._lock:
            figure = self._small.setdefault(stored.space_id, Figure())
        return figure.get(choose)

    def coverage(self, connection: Connection[Any], model_id: int) -> tuple[int, int]:
        """(assets that should have pictures, those whose picture stage is done for the model)."""
        with self._lock:
            figure = self._coverage.setdefault(model_id, Figure())
        return figure.get(lambda: nearest.coverage(connection, self._owner, model_id))

    def stages(self, connection: Connection[Any]) -> dict[str, StageCoverage]:
        """How far the stages of words have come."""
        return self._stages.get(lambda: coverage_of_stages(connection, self._owner))

    def sample(self, connection: Connection[Any], stored: StoredSpace) -> Sample:
        """A fair sample of a space's vectors, held in memory (2 MB for 1,000 dimensions)."""

        def draw() -> Sample:
            return calibrations.sample(connection, self._owner, stored, limit=SAMPLE_ROWS)

        with self._lock:
            figure = self._samples.setdefault(stored.space_id, Figure(SAMPLE_SHARE))
        return figure.get(draw)
