"""A search from its query to its answer."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import Connection

from heimdex.entities import Answer, FrameStrategy, Hit, Query, Strictness, Unavailable, Verdict
from heimdex.search import availability
from heimdex.search.adapting.versions import AdapterSource, Chosen
from heimdex.search.composition import Seeing, picture_signals, word_signals
from heimdex.search.figures import LibraryFigures
from heimdex.search.fusion import Scored
from heimdex.search.kept_tally import kept_tally
from heimdex.search.language import ParsedQuery
from heimdex.search.lexical import Lexical
from heimdex.search.lexical_figures import LexicalFigures
from heimdex.search.meanings import Meanings, TextSide
from heimdex.search.page import show
from heimdex.search.ranking import MAX_RESULTS, Ranked, rank
from heimdex.search.request import Asked, Reading, by_likeness, encode, take_apart
from heimdex.search.sides import Beside, Side
from heimdex.search.sight import Sight, SightSource
from heimdex.search.signals import Scope, Signal
from heimdex.search.verdict import held_to, judge
from heimdex.store import nearest, scenes
from heimdex.store.database import Database

POOL = 60  # scenes each signal proposes; more for later pages
KEPT_LISTS = 64
KEPT_S = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """How to search."""

    exact_rows: int
    max_pixels: int
    short_side: int = 512
    strategy: FrameStrategy = FrameStrategy.TOP3_MAX
    pictures_off: str | None = None  # why what is seen is not looked at; None: it is
    texts: TextSide | None = None  # None: texts are found by their words alone
    folder: Callable[[str], str] = field(default=lambda value: value)  # the path that `in:` names
    adapters: AdapterSource | None = None  # None: searches are never adapted

    @property
    def reading(self) -> Reading:
        """How queries are read."""
        return Reading(max_pixels=self.max_pixels, short_side=self.short_side, folder=self.folder)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What is shown of a list."""

    verdict: Verdict
    hits: tuple[Hit, ...]
    more: bool


class Searcher:
    """Answers queries over one owner's library. Thread-safe; encoders are loaded on first need."""

    def __init__(
        self,
        database: Database,
        owner: str,
        home: Path,
        sights: SightSource,
        options: SearchOptions,
    ) -> None:
        self.database = database
        self.owner = owner
        self.home = home
        self.options = options
        self._sights = sights
        self._kept: OrderedDict[Query, Ranked] = OrderedDict()
        self._figures = LibraryFigures(owner, options.exact_rows)
        self._lexical_figures = LexicalFigures(owner)
        texts = options.texts
        self._meanings = None if texts is None else Meanings(owner, texts, options.exact_rows)
        self._reading = options.reading
        self._lock = threading.Lock()

    def search(self, query: Query) -> Answer:
        """The page of hits that answers a query. Raises QueryError, NotFound, MediaError or ModelError."""
        began = time.perf_counter()
        parsed = take_apart(query, self._reading)
        kept = self._kept_list(query)

        def work(connection: Connection[Any]) -> tuple[Ranked, Page]:
            scope, lexical = self._scope(connection, parsed), Lexical(parsed, self._lexical_figures)
            ranked = kept or self._rank(scope, lexical, query)
            return ranked, self._page(scope, lexical, query, ranked)

        ranked, page = self.database.run(self.owner, work, read_only=True)
        if kept is None:
            self._keep(query, ranked)
        return Answer(
            query=query,
            verdict=page.verdict,
            hits=page.hits,
            models={} if ranked.model is None else {"picture": ranked.model},
            unavailable=ranked.unavailable,
            took_ms=round((time.perf_counter() - began) * 1000, 2),
            more=page.more,
            adapter=ranked.adapter,
        )

    def _kept_list(self, query: Query) -> Ranked | None:
        """The list that later pages are cut from: page 2 must not shift because something was indexed."""
        if query.page == 1:
            return None
        with self._lock:
            kept = self._kept.get(_key(query))
        fresh = kept is not None and time.monotonic() - kept.made_s < KEPT_S
        found = kept if kept is not None and fresh and len(kept.hits) >= _wanted(query) else None
        kept_tally().count(found=found is not None)
        return found

    def _keep(self, query: Query, ranked: Ranked) -> None:
        with self._lock:
            self._kept[_key(query)] = ranked
            while len(self._kept) > KEPT_LISTS:
                self._kept.popitem(last=False)

    def _rank(self, scope: Scope, lexical: Lexical, query: Query) -> Ranked:
        connection, parsed = scope.connection, lexical.query
        for scene_id in (*filter(None, [query.similar]), *(scene_id for scene_id, _ in query.likes)):
            scenes.place_of(connection, self.owner, scene_id)
        sight = Sight() if self.options.pictures_off else self._sights.find(connection)
        encoder, model = sight.encoder, sight.model
        source = self.options.adapters
        chosen = Chosen() if source is None else source.find(connection, model if encoder else None)
        adapter = chosen.adapter
        factors = None if adapter is None else adapter.factors
        seeing = None if model is None or encoder is None else Seeing(encoder=encoder, model=model)
        pool = max(POOL, _wanted(query))
        certainty: list[float] = []

        def by_vectors(connection: Connection[Any]) -> Side:
            asked = Asked() if encoder is None else encode(encoder, query, parsed, self._reading)
            asked = asked if adapter is None else adapter.adapt(asked)
            certainty.append(1.0 if asked.words is None else asked.words.certainty)
            nearest.set_up_search(connection, limit=pool)
            aside = replace(self._scope(connection, parsed), set_up=True)
            return Side(scope=aside, signals=self._vector_signals(aside, query, parsed, asked, seeing))

        if parsed.terms:
            own = Side(scope=scope, signals=word_signals(parsed, lexical))
            with (
                self.database.beside(self.owner) as second,
                Beside(lambda: by_vectors(second or connection), pool) as beside,
            ):
                hits = rank(own, beside, query, lexical, pool, factors)
        else:
            hits = rank(by_vectors(connection), None, query, lexical, pool, factors)
        return Ranked(
            hits=tuple(hits),
            certainty=certainty[0],
            unavailable=(*self._unavailable(connection, query, sight), *chosen.unavailable),
            made_s=time.monotonic(),
            model=None if encoder is None else encoder.row.name,
            adapter=None if adapter is None else adapter.version,
        )

    def _vector_signals(
        self, scope: Scope, query: Query, parsed: ParsedQuery, asked: Asked, seeing: Seeing | None
    ) -> list[Signal]:
        signals: list[Signal] = []
        if seeing is not None:
            signals += picture_signals(scope, query, asked, seeing, self._figures)
        if self._meanings is not None:
            signals += self._meanings.signals(scope.connection, parsed.text, parsed.filters, asked.sentence)
        return signals

    def _page(self, scope: Scope, lexical: Lexical, query: Query, ranked: Ranked) -> Page:
        """The hits that are shown of a list, and the verdict on it."""
        likeness = by_likeness(query)
        told = query.nearest or query.match_threshold is not None  # the asker drew the line
        verdict = judge(ranked.hits, ranked.certainty, by_likeness=likeness, strictness=query.strictness)
        hits: Sequence[Scored] = ranked.hits
        if verdict == Verdict.NONE:
            hits = hits if told else ()
        elif not told:
            hits = held_to(hits, query.strictness, by_likeness=likeness)
        first = (query.page - 1) * query.limit
        page = hits[first : first + query.limit]
        shown = show(scope, self.home, page, lexical) if page else ()
        return Page(verdict=verdict, hits=shown, more=len(hits) > first + query.limit)

    def _scope(self, connection: Connection[Any], parsed: ParsedQuery) -> Scope:
        return Scope(
            connection=connection,
            owner=self.owner,
            filters=parsed.filters,
            is_small=partial(self._figures.is_small, connection, parsed.filters),
            count_assets=partial(self._figures.assets, connection),
            count_words=partial(self._figures.words, connection),
            strategy=self.options.strategy,
        )

    def _unavailable(
        self, connection: Connection[Any], query: Query, sight: Sight
    ) -> tuple[Unavailable, ...]:
        unseen = availability.why_not_seen(self.options.pictures_off, sight.encoder, query)
        seen = None if sight.model is None else self._figures.coverage(connection, sight.model.model_id)
        return (
            *availability.of_pictures(seen, unseen, sight.reason),
            *availability.of_words(self._figures.stages(connection)),
            *availability.not_built(),
        )


def _key(query: Query) -> Query:
    """What two searches have in common that may share a list."""
    return replace(query, page=1, limit=0, nearest=False, strictness=Strictness.NORMAL)


def _wanted(query: Query) -> int:
    return min(MAX_RESULTS, query.page * query.limit + 1)
