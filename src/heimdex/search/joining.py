"""Neighbouring scenes that answer alike are one hit: a moment does not end where the camera was turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from heimdex.entities import Verdict
from heimdex.search.fusion import Scored
from heimdex.search.verdict import grade
from heimdex.store.places import Place

ALIKE = 0.8  # of the better one's score
OF_THE_MOMENT = frozenset({"picture", "speech", "writing", "caption"})


def join(hits: Sequence[Scored], places: Mapping[str, Place]) -> list[Scored]:
    """Hits, best first, → the same with neighbours joined: one hit has the best one's evidence and score.

    Scenes are neighbours when they follow one upon the other in their asset. They answer alike when both are
    answers, chiefly by the same signal, and neither has less than ALIKE of the best one's score. A path holds
    for a whole file, so scenes that answer by it are left apart.
    """
    joinable = [hit for hit in hits if hit.scene_id in places and speaks_for_itself(hit)]
    in_order = sorted(
        joinable, key=lambda hit: (places[hit.scene_id].asset_id, places[hit.scene_id].position)
    )
    joined: dict[str, Scored] = {}
    swallowed: set[str] = set()
    for _, of_asset in groupby(in_order, key=lambda hit: places[hit.scene_id].asset_id):
        for run in _runs(list(of_asset), places):
            best = max(run, key=lambda hit: hit.score)
            joined[best.scene_id] = replace(best, scene_ids=tuple(hit.scene_id for hit in run))
            swallowed |= {hit.scene_id for hit in run if hit is not best}
    return [joined.get(hit.scene_id, hit) for hit in hits if hit.scene_id not in swallowed]


def _runs(hits: Sequence[Scored], places: Mapping[str, Place]) -> list[list[Scored]]:
    """One asset's hits in order, cut where neighbours do not belong together."""
    runs: list[list[Scored]] = []
    for hit in hits:
        if runs and _belongs(hit, runs[-1], places):
            runs[-1].append(hit)
        else:
            runs.append([hit])
    return runs


def _belongs(hit: Scored, run: Sequence[Scored], places: Mapping[str, Place]) -> bool:
    last = run[-1]
    if places[hit.scene_id].position != places[last.scene_id].position + 1:
        return False
    if hit.evidence[0].signal != last.evidence[0].signal:
        return False
    scores = [other.score for other in (*run, hit)]
    return min(scores) >= ALIKE * max(scores)


def speaks_for_itself(hit: Scored) -> bool:
    """Whether it is an answer of known strength by something that belongs to its moment."""
    first = hit.evidence[0]
    return first.signal in OF_THE_MOMENT and first.strength is not None and grade(hit) != Verdict.NONE
