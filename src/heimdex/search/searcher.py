"""A search from its query to its answer."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import Connection

from heimdex.encoders.encoder import Encoder
from heimdex.entities import Answer, FrameStrategy, Hit, Query, Strictness, Unavailable, Verdict
from heimdex.search.figures import LibraryFigures
from heimdex.search.fusion import Scored
from heimdex.search.page import show
from heimdex.search.ranking import MAX_RESULTS, Ranked, rank
from heimdex.search.request import Asked, by_likeness, check, encode
from heimdex.search.shown import ShownSignal
from heimdex.search.signals import PathSignal, PictureSignal, Scope, Signal
from heimdex.search.verdict import held_to, judge
from heimdex.store import scenes, vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel

POOL = 100  # scenes each signal proposes; more for later pages
KEPT_LISTS = 64
KEPT_S = 600.0

NOT_BUILT = ("speech", "writing", "caption", "person")


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """How to search."""

    exact_rows: int
    max_pixels: int
    short_side: int = 512
    strategy: FrameStrategy = FrameStrategy.TOP3_MAX
    pictures_off: str | None = None  # why what is seen is not looked at; None: it is


class Searcher:
    """Answers queries over one owner's library. Thread-safe; the encoder is loaded on first need."""

    def __init__(
        self,
        database: Database,
        owner: str,
        home: Path,
        load_encoder: Callable[[], Encoder],
        find_model: Callable[[Any], StoredModel | None],
        options: SearchOptions,
    ) -> None:
        self.database = database
        self.owner = owner
        self.home = home
        self.options = options
        self._load_encoder = load_encoder
        self._find_model = find_model
        self._kept: OrderedDict[Query, Ranked] = OrderedDict()
        self._figures = LibraryFigures(owner, options.exact_rows)
        self._lock = threading.Lock()

    def search(self, query: Query) -> Answer:
        """The page of hits that answers a query. Raises QueryError, NotFound, MediaError or ModelError."""
        began = time.perf_counter()
        check(query)
        ranked = self._ranked(query)
        likeness = by_likeness(query)
        verdict = judge(ranked.hits, ranked.certainty, by_likeness=likeness, strictness=query.strictness)
        hits: Sequence[Scored] = ranked.hits
        if verdict == Verdict.NONE:
            hits = hits if query.nearest else ()
        elif not query.nearest:
            hits = held_to(hits, query.strictness, by_likeness=likeness)
        first = (query.page - 1) * query.limit
        return Answer(
            query=query,
            verdict=verdict,
            hits=self._shown(query, hits[first : first + query.limit]),
            models={} if self.options.pictures_off else {"picture": self._load_encoder().row.name},
            unavailable=ranked.unavailable,
            took_ms=round((time.perf_counter() - began) * 1000, 2),
            more=len(hits) > first + query.limit,
        )

    def _ranked(self, query: Query) -> Ranked:
        """The kept candidate list, or a new one: page 2 must not shift because something was indexed."""
        key = replace(query, page=1, limit=0, nearest=False, strictness=Strictness.NORMAL)
        wanted = min(MAX_RESULTS, query.page * query.limit + 1)
        with self._lock:
            kept = self._kept.get(key)
        fresh = kept is not None and time.monotonic() - kept.made_s < KEPT_S
        if kept is not None and fresh and query.page > 1 and len(kept.hits) >= wanted:
            return kept
        ranked = self._rank(query, max(POOL, wanted))
        with self._lock:
            self._kept[key] = ranked
            while len(self._kept) > KEPT_LISTS:
                self._kept.popitem(last=False)
        return ranked

    def _rank(self, query: Query, pool: int) -> Ranked:
        encoder = None if self.options.pictures_off else self._load_encoder()
        # The encoder's work needs no database; the transaction begins after it.
        asked = (
            Asked()
            if encoder is None
            else encode(
                encoder, query, max_pixels=self.options.max_pixels, short_side=self.options.short_side
            )
        )

        def work(connection: Connection[Any]) -> Ranked:
            model = self._find_model(connection)
            scope = self._scope(connection, query)
            signals = self._signals(scope, query, encoder, model, asked)
            return Ranked(
                hits=tuple(rank(scope, query, signals, pool)),
                certainty=asked.certainty,
                unavailable=self._unavailable(scope, model, _why_not_seen(self.options, encoder, query)),
                made_s=time.monotonic(),
            )

        return self.database.run(self.owner, work, read_only=True)

    def _scope(self, connection: Connection[Any], query: Query) -> Scope:
        return Scope(
            connection=connection,
            owner=self.owner,
            filters=query.filters,
            is_small=partial(self._figures.is_small, connection, query.filters),
            count_assets=partial(self._figures.assets, connection),
            count_words=partial(self._figures.words, connection),
            strategy=self.options.strategy,
        )

    def _signals(
        self, scope: Scope, query: Query, encoder: Encoder | None, model: StoredModel | None, asked: Asked
    ) -> list[Signal]:
        signals: list[Signal] = []
        if query.similar is not None:
            scenes.place_of(scope.connection, scope.owner, query.similar)
        if model is not None and encoder is not None:
            similar = model.space(encoder.similar_space.name)
            given = sum(part is not None for part in (asked.words, asked.picture, query.similar))
            weight = 1.0 / max(1, given)
            if asked.words is not None and encoder.text_space is not None:
                stored = model.space(encoder.text_space.name)
                draw = partial(self._figures.sample, scope.connection)
                signals.append(ShownSignal(stored, asked.words, asked.certainty, draw, weight))
            if asked.picture is not None:
                signals.append(PictureSignal(similar, [asked.picture], weight))
            if query.similar is not None:
                own = vectors.vectors_of_scene(scope.connection, scope.owner, similar, query.similar)
                if self.options.strategy == FrameStrategy.BEST_QUALITY:
                    own = own[:1]
                signals.append(PictureSignal(similar, own, weight))
        if query.text is not None:
            signals.append(PathSignal(query.text))
        return signals

    def _shown(self, query: Query, page: Sequence[Scored]) -> tuple[Hit, ...]:
        if not page:
            return ()
        work = partial(show, owner=self.owner, home=self.home, page=page, filters=query.filters)
        return self.database.run(self.owner, work, read_only=True)

    def _unavailable(
        self, scope: Scope, model: StoredModel | None, unseen: str | None
    ) -> tuple[Unavailable, ...]:
        """The signals that could not answer; `unseen` says why pictures were not looked at, if so."""
        missing = [
            Unavailable(signal=signal, reason="not part of this version", coverage=0.0)
            for signal in NOT_BUILT
        ]
        if unseen is not None:
            return (Unavailable(signal="picture", reason=unseen, coverage=0.0), *missing)
        wanted, covered = (
            (1, 0) if model is None else self._figures.coverage(scope.connection, model.model_id)
        )
        if covered < wanted:
            reason = (
                "nothing is indexed with this model yet; run `heimdex index`"
                if model is None
                else f"{wanted - covered} of {wanted} files have no vectors yet; run `heimdex index`"
            )
            share = round(covered / wanted, 4)
            missing.insert(0, Unavailable(signal="picture", reason=reason, coverage=share))
        return tuple(missing)


def _why_not_seen(options: SearchOptions, encoder: Encoder | None, query: Query) -> str | None:
    """Why pictures do not answer this query; None: they do."""
    if encoder is None:
        return options.pictures_off
    if query.image is None and query.similar is None and encoder.text_space is None:
        return f"the model {encoder.row.name} knows pictures only; ask with --image or --similar"
    return None
