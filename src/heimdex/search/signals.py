"""Signals: the ways a scene can answer a query. Each proposes candidates, then scores all of them."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Evidence, Filters, Values
from heimdex.store import nearest
from heimdex.store.assets import path_words
from heimdex.store.vectors import StoredSpace

PATH_WEIGHT = 0.5  # what a path that holds every word of the query adds to a score
PATH_ASSETS = 100  # assets a path search proposes
SCENES_PER_ASSET = 3  # scenes of such an asset that become candidates
COUNT_LIMIT = 50_000  # assets counted for a word's rarity
_FUNCTION_WORDS = frozenset(
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
    exact_rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A candidate's evidence from one signal."""

    evidence: Evidence


class Signal(ABC):
    """One way to answer."""

    @abstractmethod
    def propose(self, scope: Scope, limit: int) -> list[str]:
        """Scene ids worth looking at, the best first."""

    @abstractmethod
    def score(self, scope: Scope, scenes: dict[str, str]) -> dict[str, Evidence]:
        """Exact evidence for candidates (scene id → asset id); those it says nothing about are left out."""


class PictureSignal(Signal):
    """What is seen: the cosine of the best frame to the nearest of the query's vectors."""

    def __init__(self, stored: StoredSpace, vectors: Sequence[Values], weight: float = 1.0) -> None:
        self.stored = stored
        self.vectors = vectors
        self.weight = weight

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The scenes nearest to each vector."""
        found: dict[str, None] = {}
        for vector in self.vectors:
            scenes = nearest.nearest_scenes(
                scope.connection,
                scope.owner,
                self.stored,
                vector,
                scope.filters,
                limit=limit,
                exact_rows=scope.exact_rows,
            )
            found |= dict.fromkeys(scenes)
        return list(found)

    def score(self, scope: Scope, scenes: dict[str, str]) -> dict[str, Evidence]:
        """The best frame's cosine; a scene's score is its best frame's."""
        best: dict[str, nearest.FrameScore] = {}
        for vector in self.vectors:
            scored = nearest.score_scenes(scope.connection, scope.owner, self.stored, vector, list(scenes))
            for scene_id, frame in scored.items():
                if scene_id not in best or frame.cosine > best[scene_id].cosine:
                    best[scene_id] = frame
        return {
            scene_id: Evidence(
                signal="picture",
                contribution=self.weight * max(0.0, frame.cosine),
                raw=frame.cosine,
                model=self.stored.space.model,
                at_us=frame.at_us,
            )
            for scene_id, frame in best.items()
        }


class PathSignal(Signal):
    """What a file or its folders are called. Rare words count for more, words in every path for nothing."""

    def __init__(self, text: str) -> None:
        self.words = [word for word in path_words(text) if word not in _FUNCTION_WORDS and _WORD.search(word)]
        self._matches: dict[str, list[str]] | None = None
        self._rarity: dict[str, float] = {}

    def propose(self, scope: Scope, limit: int) -> list[str]:
        """The first scenes of the assets whose paths hold most of the words."""
        matches = self._find(scope)
        assets = sorted(matches, key=lambda asset_id: (-self._coverage(matches[asset_id]), asset_id))
        return nearest.scenes_of_assets(
            scope.connection, scope.owner, assets[: min(limit, PATH_ASSETS)], each=SCENES_PER_ASSET
        )

    def score(self, scope: Scope, scenes: dict[str, str]) -> dict[str, Evidence]:
        """The share of the query's words, by rarity, that stand in the path; squared."""
        matches = self._find(scope)
        found = {}
        for scene_id, asset_id in scenes.items():
            words = matches.get(asset_id)
            coverage = self._coverage(words) if words else 0.0
            if words and coverage > 0:
                found[scene_id] = Evidence(
                    signal="path",
                    contribution=PATH_WEIGHT * coverage**2,
                    raw=coverage,
                    model="path",
                    text=" ".join(word for word in self.words if word in words),
                )
        return found

    def _find(self, scope: Scope) -> dict[str, list[str]]:
        if self._matches is None:
            self._rarity = self._rarities(scope)
            rare = [word for word in self.words if self._rarity[word] > 0]
            self._matches = (
                nearest.assets_by_path(
                    scope.connection, scope.owner, rare, scope.filters, limit=10 * PATH_ASSETS
                )
                if rare
                else {}
            )
        return self._matches

    def _rarities(self, scope: Scope) -> dict[str, float]:
        """Inverse document frequency, ln((1 + N) / (1 + n)); 0 for a word that stands in more than half."""
        if not self.words:
            return {}
        counts, total = nearest.word_frequencies(scope.connection, scope.owner, self.words, limit=COUNT_LIMIT)
        return {
            word: 0.0 if counts[word] * 2 > max(total, 2) else math.log((1 + total) / (1 + counts[word]))
            for word in self.words
        }

    def _coverage(self, words: Sequence[str]) -> float:
        total = sum(self._rarity.values())
        return sum(self._rarity[word] for word in words) / total if total > 0 else 0.0
