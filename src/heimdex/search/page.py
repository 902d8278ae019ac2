"""From candidates to what a page shows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from heimdex.entities import Hit, Kind
from heimdex.search.fusion import Scored
from heimdex.search.lexical import Lexical
from heimdex.search.signals import Scope
from heimdex.search.telling import tell_page
from heimdex.store import nearest
from heimdex.store.nearest import SceneFacts


def show(scope: Scope, home: Path, page: Sequence[Scored], lexical: Lexical) -> tuple[Hit, ...]:
    """The hits of a page, in the order of the list. What was removed since that was made is left out."""
    ids = [scene_id for scored in page for scene_id in scored.scene_ids or (scored.scene_id,)]
    facts = nearest.describe_scenes(scope.connection, scope.owner, ids, scope.filters)
    there = [scored for scored in page if scored.scene_id in facts]
    told = tell_page(scope, lexical, {scored.scene_id: scored.evidence for scored in there})
    return tuple(_hit(home, replace(scored, evidence=told[scored.scene_id]), facts) for scored in there)


def _hit(home: Path, scored: Scored, facts: Mapping[str, SceneFacts]) -> Hit:
    best = facts[scored.scene_id]
    joined = [scene_id for scene_id in scored.scene_ids or (scored.scene_id,) if scene_id in facts]
    return Hit(
        scene_id=best.scene_id,
        asset_id=best.asset_id,
        path=best.path,
        kind=Kind(best.kind),
        start_us=min(facts[scene_id].start_us for scene_id in joined),
        end_us=max(facts[scene_id].end_us for scene_id in joined),
        score=scored.score,
        thumbnail=None if best.thumbnail_key is None else str(home / best.thumbnail_key),
        evidence=tuple(
            item if item.rank is None else replace(item, at_us=best.times_us.get(item.rank))
            for item in scored.evidence
        ),
        scene_ids=tuple(joined),
    )
