"""From signals to one candidate list: proposed by each, scored by all, fused, joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heimdex.entities import Evidence, Query, Unavailable
from heimdex.search.fusion import Scored, fuse
from heimdex.search.joining import join, speaks_for_itself
from heimdex.search.lexical import Lexical
from heimdex.search.sides import Beside, Side

MAX_RESULTS = 1000  # a kept candidate list ends here


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """The candidate list of a query, best first: what pages are cut from."""

    hits: tuple[Scored, ...]
    certainty: float
    unavailable: tuple[Unavailable, ...]
    made_s: float
    model: str | None = None  # that pictures were looked at with
    adapter: int | None = None  # the version it was made with


def rank(
    own: Side,
    beside: Beside | None,
    query: Query,
    lexical: Lexical,
    pool: int,
    factors: Mapping[str, float] | None = None,
) -> list[Scored]:
    """The scenes that answer, best first. `pool` is how many each signal proposes, `factors` as of `fuse`.

    `beside` works at the same time; what has to see everything is asked over the connection of `own`.
    """
    scope = own.scope
    by_words = own.propose(pool)
    proposed = dict.fromkeys([*(beside.propose() if beside else ()), *by_words])
    for scene_id in (query.similar or "", *(scene_id for scene_id, _ in query.likes)):
        proposed.pop(scene_id, None)  # a scene is not its own answer
    rejected = lexical.rejected(scope, list(proposed))
    candidates = [scene_id for scene_id in proposed if scene_id not in rejected]
    if beside is not None:
        beside.begin(candidates)
    scores = own.score(candidates)
    found: dict[str, list[Evidence]] = {scene_id: [] for scene_id in candidates}
    for each in (*(beside.score() if beside else ()), *scores):
        for scene_id, evidence in each.items():
            found[scene_id].append(evidence)
    hits = [hit for hit in fuse(found, factors) if _passes(hit, query.match_threshold)][:MAX_RESULTS]
    joinable = [hit.scene_id for hit in hits if speaks_for_itself(hit)]
    return join(hits, scope.places(joinable)) if len(joinable) > 1 else hits


def _passes(hit: Scored, threshold: float | None) -> bool:
    if threshold is None:
        return hit.score > 0
    return any(item.signal == "picture" and item.raw >= threshold for item in hit.evidence)
