"""Signals: the ways a scene can answer a query. Each proposes candidates, then scores all of them."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from heimdex.entities import Evidence, Filters, FrameStrategy, Values
from heimdex.store import nearest
from heimdex.store.assets import path_words
from heimdex.store.places import Place, places_of_scenes
from heimdex.store.vectors import StoredSpace

PATH_WEIGHT = 0.5  # what a path that holds every word of the query adds to a score
PATH_ASSETS = 100  # assets a path search proposes
ASSETS_PER_WORD = 200  # assets it looks at for each word
SCENES_PER_ASSET = 3  # scenes of such an asset that become candidates
FUNCTION_WORDS = frozenset(
    "a an and are as at be by for from i in into is it its my near not of on or our over some that the "
    "their then there this to under up was were where who with without".split()
)
_WORD = re.compile(r"\w")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Where a signal looks: the transaction, whose library, through which filters."""

    connection: Connection[Any]
    owner: str
    filters: Filters
    is_small: Callable[[StoredSpace], bool]  # whether scanning all rows that pass is the better way
    count_assets: Callable[[], int]  # of the whole library, up to a limit
    count_words: Callable[[Sequence[str]], dict[str, int]]  # assets whose paths hold each, likewise
    strategy: FrameStrategy = FrameStrategy.TOP3_MAX
    set_up: bool = False  # whether the transaction knows how far the index is to look
    _places: dict[str, Place] = field(default_factory=dict)

    def places(self, scenes: Sequence[str]) -> Mapping[str, Place]:
        """Where scenes stand in their assets, those asked for before among them; each is looked up once."""
        missing = [scene_id for scene_id in scenes if scene_id not in self._places]
        if missing:
            self._places.update(places_of_scenes(self.connection, self.owner, missing))
        return self._places


class Signal(ABC):
    """One way to answer."""

    @abstractmethod
    def propose(self, scope: Scope, limit: int) -> list[str]:
        """Scene ids worth looking at, the best first."""

    @abstractmethod
    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """Exact evidence for candidate scenes; those it says nothing about are left out."""


class PictureSignal(Signal):
    """What is seen: a scene's cosine, by the frame strategy, to the nearest of the query's vectors."""

    def __init__(self, stored: StoredSpace, vectors: Sequence[Values], weight: float = 1.0) -> None:
        self.stored = stored
        self.vectors = vectors
        self.weight = weight

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The scenes nearest to each vector; what counts against a scene proposes none."""
        if self.weight <= 0:
            return []
        found: dict[str, None] = {}
        for vector in self.vectors:
            scenes = nearest.nearest_scenes(
                scope.connection,
                scope.owner,
                self.stored,
                vector,
                scope.filters,
                limit=limit,
                exact=scope.is_small(self.stored),
                strategy=scope.strategy,
                set_up=not scope.set_up,
            )
            found |= dict.fromkeys(scenes)
        return list(found)

    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """The cosine, and which frame has most of it."""
        return {scene_id: self._evidence(frame) for scene_id, frame in self.frames(scope, scenes).items()}

    def frames(
        self, scope: Scope, scenes: Sequence[str], *, calibrated: bool = False
    ) -> dict[str, nearest.FrameScore]:
        """The frame of each scene that has most of it."""
        best: dict[str, nearest.FrameScore] = {}
        for vector in self.vectors:
            scored = nearest.score_scenes(
                scope.connection,
                scope.owner,
                self.stored,
                vector,
                scenes,
                scope.strategy,
                calibrated=calibrated,
            )
            for scene_id, frame in scored.items():
                if scene_id not in best or frame.cosine > best[scene_id].cosine:
                    best[scene_id] = frame
        return best

    def _evidence(self, frame: nearest.FrameScore) -> Evidence:
        return Evidence(
            signal="picture",
            contribution=self.weight * max(0.0, frame.cosine),
            raw=frame.cosine,
            model=self.stored.space.model,
            rank=frame.rank,
        )


class PathSignal(Signal):
    """What a file or its folders are called. Rare words count for more, words in every path for nothing."""

    def __init__(self, text: str) -> None:
        self.words = [word for word in path_words(text) if word not in FUNCTION_WORDS and _WORD.search(word)]
        self._rarity: dict[str, float] | None = None
        self._standing: list[str] = []  # the words that stand in any path
        self._matches: dict[str, list[str]] = {}  # the words of assets looked at, by asset id

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The first scenes of the assets whose paths hold most of the words."""
        rare = self._rare_words(scope)
        if not rare:
            return []
        matches = self._matches = nearest.assets_by_path(
            scope.connection, scope.owner, rare, scope.filters, each=ASSETS_PER_WORD
        )
        assets = sorted(matches, key=lambda asset_id: (-self._coverage(scope, matches[asset_id]), asset_id))
        # All scenes of a file share its path: of many files the first scene each.
        each = max(1, min(SCENES_PER_ASSET, limit // max(1, len(assets))))
        return nearest.scenes_of_assets(
            scope.connection, scope.owner, assets[: min(limit, PATH_ASSETS)], each=each
        )

    def score(self, scope: Scope, scenes: Sequence[str]) -> dict[str, Evidence]:
        """The share of the query's words, by rarity, that stand in the path; squared."""
        rare = self._rare_words(scope)
        if not rare:
            return {}
        places = scope.places(scenes)
        missing = {places[scene_id].asset_id for scene_id in scenes if scene_id in places} - {*self._matches}
        fresh = nearest.path_words_of_assets(scope.connection, scope.owner, rare, missing) if missing else {}
        self._matches = self._matches | {asset_id: [] for asset_id in missing} | fresh
        found = {}
        for scene_id in scenes:
            words = self._matches[places[scene_id].asset_id] if scene_id in places else []
            if not words:
                continue
            coverage = self._coverage(scope, words)
            found[scene_id] = Evidence(
                signal="path",
                contribution=PATH_WEIGHT * coverage**2,
                raw=coverage,
                model="path",
                text=" ".join(word for word in self.words if word in words),
            )
        return found

    def _rare_words(self, scope: Scope) -> list[str]:
        """The rare ones of those that stand in any path."""
        rarities = self._rarities(scope)
        return [word for word in self._standing if rarities[word] > 0]

    def _rarities(self, scope: Scope) -> dict[str, float]:
        """Inverse document frequency, ln((1 + N) / (1 + n)); 0 for a word that stands in more than half.

        A word that stands nowhere is rare too: a path without it does not hold the whole query.
        """
        if self._rarity is None:
            self._rarity = {}
            if self.words:
                total = scope.count_assets()
                counts = scope.count_words(self.words)
                self._standing = [word for word in counts if counts[word]]
                self._rarity = {
                    word: 0.0
                    if counts[word] * 2 > max(total, 2)
                    else math.log((1 + total) / (1 + counts[word]))
                    for word in self.words
                }
        return self._rarity

    def _coverage(self, scope: Scope, words: Sequence[str]) -> float:
        rarity = self._rarities(scope)
        total = sum(rarity.values())
        return sum(rarity[word] for word in words) / total if total > 0 else 0.0
