"""A search from its query to its answer."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from heimdex.encoders.encoder import Encoder
from heimdex.entities import Answer, Evidence, FrameStrategy, Hit, Kind, Query, Unavailable, Values
from heimdex.errors import MediaError, QueryError
from heimdex.search.figures import LibraryFigures
from heimdex.search.signals import PathSignal, PictureSignal, Scope, Signal
from heimdex.search.verdict import judge
from heimdex.store import nearest, scenes, vectors
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel

POOL = 100  # scenes each signal proposes; more for later pages
MAX_RESULTS = 1000  # a kept candidate list ends here
KEPT_LISTS = 64
KEPT_S = 600.0

NOT_BUILT = ("speech", "writing", "caption", "person")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A scene that answers, before anything else of it is looked up."""

    scene_id: str
    score: float
    evidence: tuple[Evidence, ...]  # the weightiest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """The candidate list of a query, best first: what pages are cut from."""

    hits: tuple[Scored, ...]
    certainty: float
    unavailable: tuple[Unavailable, ...]
    made_s: float


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
        _check(query)
        ranked = self._ranked(query)
        first = (query.page - 1) * query.limit
        return Answer(
            query=query,
            verdict=judge(ranked.hits, ranked.certainty, self._match_cosine(query)),
            hits=self._shown(query, ranked.hits[first : first + query.limit]),
            models={} if self.options.pictures_off else {"picture": self._load_encoder().row.name},
            unavailable=ranked.unavailable,
            took_ms=round((time.perf_counter() - began) * 1000, 2),
            more=len(ranked.hits) > first + query.limit,
        )

    def _ranked(self, query: Query) -> Ranked:
        """The kept candidate list, or a new one: page 2 must not shift because something was indexed."""
        key = replace(query, page=1, limit=0)
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
        words = None if encoder is None else self._encode_words(encoder, query)
        picture = None if encoder is None else self._encode_picture(encoder, query)

        def work(connection: Any) -> Ranked:
            model = self._find_model(connection)
            scope = Scope(
                connection=connection,
                owner=self.owner,
                filters=query.filters,
                is_small=partial(self._figures.is_small, connection, query.filters),
                count_assets=partial(self._figures.assets, connection),
                count_words=partial(self._figures.words, connection),
                strategy=self.options.strategy,
            )
            signals = self._signals(scope, query, encoder, model, (words and words[0], picture))
            hits = self._collect(scope, query, signals, pool)
            unavailable = self._unavailable(scope, model, _why_not_seen(self.options, encoder, query))
            return Ranked(
                hits=tuple(hits),
                certainty=words[1] if words else 1.0,
                unavailable=unavailable,
                made_s=time.monotonic(),
            )

        return self.database.run(self.owner, work, read_only=True)

    def _signals(
        self,
        scope: Scope,
        query: Query,
        encoder: Encoder | None,
        model: StoredModel | None,
        asked: tuple[Values | None, Values | None],
    ) -> list[Signal]:
        words, picture = asked
        signals: list[Signal] = []
        if query.similar is not None:
            scenes.place_of(scope.connection, scope.owner, query.similar)
        if model is not None and encoder is not None:
            similar = model.space(encoder.similar_space.name)
            given = sum(part is not None for part in (words, picture, query.similar))
            weight = 1.0 / max(1, given)
            if words is not None and encoder.text_space is not None:
                signals.append(PictureSignal(model.space(encoder.text_space.name), [words], weight))
            if picture is not None:
                signals.append(PictureSignal(similar, [picture], weight))
            if query.similar is not None:
                own = vectors.vectors_of_scene(scope.connection, scope.owner, similar, query.similar)
                if self.options.strategy == FrameStrategy.BEST_QUALITY:
                    own = own[:1]
                signals.append(PictureSignal(similar, own, weight))
        if query.text is not None:
            signals.append(PathSignal(query.text))
        return signals

    def _collect(self, scope: Scope, query: Query, signals: list[Signal], pool: int) -> list[Scored]:
        proposed: dict[str, None] = {}
        for signal in signals:
            proposed |= dict.fromkeys(signal.propose(scope, pool))
        proposed.pop(query.similar or "", None)  # a scene is not its own answer
        candidates = list(proposed)
        found: dict[str, list[Evidence]] = {scene_id: [] for scene_id in candidates}
        for signal in signals:
            for scene_id, evidence in signal.score(scope, candidates).items():
                found[scene_id].append(evidence)
        hits = [
            Scored(
                scene_id=scene_id,
                score=sum(item.contribution for item in evidence),
                evidence=tuple(sorted(evidence, key=lambda item: -item.contribution)),
            )
            for scene_id, evidence in found.items()
            if _passes(evidence, query.match_threshold)
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.scene_id))
        return hits[:MAX_RESULTS]

    def _shown(self, query: Query, page: Sequence[Scored]) -> tuple[Hit, ...]:
        """The hits of a page. What was removed since the list was made is left out."""
        if not page:
            return ()
        ids = [scored.scene_id for scored in page]
        facts = self.database.run(
            self.owner, lambda c: nearest.describe_scenes(c, self.owner, ids, query.filters), read_only=True
        )
        # In the order of the list, equal scores too, or pages would not join.
        return tuple(self._hit(facts[scored.scene_id], scored) for scored in page if scored.scene_id in facts)

    def _hit(self, facts: nearest.SceneFacts, scored: Scored) -> Hit:
        return Hit(
            scene_id=facts.scene_id,
            asset_id=facts.asset_id,
            path=facts.path,
            kind=Kind(facts.kind),
            start_us=facts.start_us,
            end_us=facts.end_us,
            score=scored.score,
            thumbnail=None if facts.thumbnail_key is None else str(self.home / facts.thumbnail_key),
            evidence=tuple(
                item if item.rank is None else replace(item, at_us=facts.times_us.get(item.rank))
                for item in scored.evidence
            ),
        )

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

    def _encode_words(self, encoder: Encoder, query: Query) -> tuple[Values, float] | None:
        if query.text is None or encoder.text_space is None:
            return None
        vector = next(iter(encoder.encode_words([query.text])))
        return vector.values, vector.certainty

    def _encode_picture(self, encoder: Encoder, query: Query) -> Values | None:
        if query.image is None:
            return None
        from heimdex.media.photo import read_photo  # words need no picture library
        from heimdex.media.pictures import fit

        path = query.image.encode("utf-8", "surrogateescape")
        try:
            full = read_photo(path, max_pixels=self.options.max_pixels, short_side=self.options.short_side)
        except MediaError as error:
            raise QueryError(f"{query.image} cannot be used as a picture: {error}") from error
        found = next(iter(encoder.encode_pictures([fit(full, self.options.short_side)])))
        return next(vector.values for vector in found if vector.space == encoder.similar_space)

    def _match_cosine(self, query: Query) -> float:
        """From where a picture answers words; nowhere, by a model whose line nobody measured."""
        if self.options.pictures_off or query.image is not None or query.similar is not None:
            return 0.0
        return self._load_encoder().row.match_cosine or math.inf


def _why_not_seen(options: SearchOptions, encoder: Encoder | None, query: Query) -> str | None:
    """Why pictures do not answer this query; None: they do."""
    if encoder is None:
        return options.pictures_off
    if query.image is None and query.similar is None and encoder.text_space is None:
        return f"the model {encoder.row.name} knows pictures only; ask with --image or --similar"
    return None


def _check(query: Query) -> None:
    if query.text is None and query.image is None and query.similar is None:
        raise QueryError("nothing to look for: give words, --image FILE or --similar SCENE")
    if query.text is not None and not query.text.strip():
        raise QueryError("the query is empty: give words, --image FILE or --similar SCENE")
    if query.limit < 1 or query.page < 1:
        raise QueryError("limit and page start at 1")
    if query.limit > MAX_RESULTS:
        raise QueryError(f"limit is {MAX_RESULTS} at most; use pages for more")
    if query.match_threshold is not None and not -1 <= query.match_threshold <= 1:
        raise QueryError("match_threshold is a cosine, between -1 and 1")


def _passes(evidence: list[Evidence], threshold: float | None) -> bool:
    if threshold is None:
        return any(item.contribution > 0 for item in evidence)
    return any(item.signal == "picture" and item.raw >= threshold for item in evidence)
