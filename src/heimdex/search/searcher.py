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

from heimdex.encoders.encoder import Encoder
from heimdex.entities import Answer, FrameStrategy, Hit, Query, Strictness, Unavailable, Verdict
from heimdex.search import availability
from heimdex.search.composition import Seeing, picture_signals, word_signals
from heimdex.search.figures import LibraryFigures
from heimdex.search.fusion import Scored
from heimdex.search.language import ParsedQuery
from heimdex.search.lexical import Lexical
from heimdex.search.lexical_figures import LexicalFigures
from heimdex.search.meanings import Meanings, TextSide
from heimdex.search.page import show
from heimdex.search.ranking import MAX_RESULTS, Ranked, rank
from heimdex.search.request import Asked, Reading, by_likeness, encode, take_apart
from heimdex.search.signals import Scope
from heimdex.search.verdict import held_to, judge
from heimdex.store import scenes
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel

POOL = 100  # scenes each signal proposes; more for later pages
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
        self._lexical_figures = LexicalFigures(owner)
        texts = options.texts
        self._meanings = None if texts is None else Meanings(owner, texts, options.exact_rows)
        self._reading = Reading(
            max_pixels=options.max_pixels, short_side=options.short_side, folder=options.folder
        )
        self._lock = threading.Lock()

    def search(self, query: Query) -> Answer:
        """The page of hits that answers a query. Raises QueryError, NotFound, MediaError or ModelError."""
        began = time.perf_counter()
        parsed = take_apart(query, self._reading)
        ranked = self._ranked(query, parsed)
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
            hits=self._shown(parsed, hits[first : first + query.limit]),
            models={} if self.options.pictures_off else {"picture": self._load_encoder().row.name},
            unavailable=ranked.unavailable,
            took_ms=round((time.perf_counter() - began) * 1000, 2),
            more=len(hits) > first + query.limit,
        )

    def _ranked(self, query: Query, parsed: ParsedQuery) -> Ranked:
        """The kept candidate list, or a new one: page 2 must not shift because something was indexed."""
        key = replace(query, page=1, limit=0, nearest=False, strictness=Strictness.NORMAL)
        wanted = min(MAX_RESULTS, query.page * query.limit + 1)
        with self._lock:
            kept = self._kept.get(key)
        fresh = kept is not None and time.monotonic() - kept.made_s < KEPT_S
        if kept is not None and fresh and query.page > 1 and len(kept.hits) >= wanted:
            return kept
        ranked = self._rank(query, parsed, max(POOL, wanted))
        with self._lock:
            self._kept[key] = ranked
            while len(self._kept) > KEPT_LISTS:
                self._kept.popitem(last=False)
        return ranked

    def _rank(self, query: Query, parsed: ParsedQuery, pool: int) -> Ranked:
        encoder = None if self.options.pictures_off else self._load_encoder()
        # The encoder's work needs no database; the transaction begins after it.
        asked = Asked() if encoder is None else encode(encoder, query, parsed, self._reading)

        def work(connection: Connection[Any]) -> Ranked:
            if query.similar is not None:
                scenes.place_of(connection, self.owner, query.similar)
            model = self._find_model(connection)
            scope = self._scope(connection, parsed)
            lexical = Lexical(parsed, self._lexical_figures)
            signals = word_signals(parsed, lexical) if parsed.terms else []
            if self._meanings is not None:
                signals += self._meanings.signals(connection, parsed.text, parsed.filters)
            if model is not None and encoder is not None:
                seeing = Seeing(encoder=encoder, model=model)
                signals = [*picture_signals(scope, query, asked, seeing, self._figures), *signals]
            return Ranked(
                hits=tuple(rank(scope, query, signals, lexical, pool)),
                certainty=1.0 if asked.words is None else asked.words.certainty,
                unavailable=self._unavailable(connection, query, encoder, model),
                made_s=time.monotonic(),
            )

        return self.database.run(self.owner, work, read_only=True)

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
        self, connection: Connection[Any], query: Query, encoder: Encoder | None, model: StoredModel | None
    ) -> tuple[Unavailable, ...]:
        unseen = availability.why_not_seen(self.options.pictures_off, encoder, query)
        seen = None if model is None else self._figures.coverage(connection, model.model_id)
        return (
            *availability.of_pictures(seen, unseen),
            *availability.of_words(self._figures.stages(connection)),
            *availability.not_built(),
        )

    def _shown(self, parsed: ParsedQuery, page: Sequence[Scored]) -> tuple[Hit, ...]:
        if not page:
            return ()
        work = partial(show, owner=self.owner, home=self.home, page=page, filters=parsed.filters)
        return self.database.run(self.owner, work, read_only=True)
