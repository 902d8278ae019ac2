"""One score per scene: what each signal says, by how surely it says it, weighted and added up.

Weights and curves were not set by the evaluation set (docs/decisions/0031-fusion.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from heimdex.entities import Evidence, TextChannel
from heimdex.search.verdict import MATCH_STRENGTH, WEAK_STRENGTH, WHOLE

ALMOST = MATCH_STRENGTH - 0.01  # what is found only in part, or nearly, is a weak answer at most


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A scene that answers, before anything else of it is looked up."""

    scene_id: str
    score: float
    evidence: tuple[Evidence, ...]  # the weightiest first
    scene_ids: tuple[str, ...] = ()  # with the neighbours it was joined with, in order


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What a raw value is worth: `strength` makes a share of 1 of it, the weight a contribution."""

    weight: float
    strength: Callable[[float], float]


def by_words(raw: float) -> float:
    """Of the share of the query's words that were found: all of them is an answer, two thirds nearly one."""
    return 1.0 if raw >= WHOLE else min(max(0.0, raw) ** 2, ALMOST)


def by_meaning(raw: float) -> float:
    """Of the cosine of two texts' vectors: below LEAST nothing, and never more than a weak answer."""
    return min(max(0.0, (raw - LEAST_MEANING) / (1 - LEAST_MEANING)), ALMOST)


LEAST_MEANING = 0.25  # cosine; unrelated sentences reach it
RULES = {
    "path": Rule(weight=0.5, strength=by_words),
    "speech": Rule(weight=1.0, strength=by_words),
    "writing": Rule(weight=1.0, strength=by_words),
    "caption": Rule(weight=0.7, strength=by_words),
}
MEANINGS = {  # beside the rules of the words themselves: what means the same may be said in other words
    TextChannel.TRANSCRIPT: Rule(weight=0.5, strength=by_meaning),
    TextChannel.DESCRIPTION: Rule(weight=0.5, strength=by_meaning),
    TextChannel.SUMMARY: Rule(weight=0.25, strength=by_meaning),
}


def weigh(evidence: Evidence) -> Evidence:
    """Evidence with its strength and contribution. What has a strength, or no rule, keeps its own."""
    rule = RULES.get(evidence.signal)
    if rule is None or evidence.strength is not None:
        return evidence
    strength = rule.strength(evidence.raw)
    if evidence.approximate:
        strength = min(max(strength, WEAK_STRENGTH), ALMOST)  # perhaps, and never surely
    return evidence.weighed(strength, rule.weight * strength)


_contribution = attrgetter("contribution")
GROUPS = ("picture", "speech", "writing", "caption", "path", "meaning")
"""The signals whose weights are adapted apart; by meaning all texts are one."""


def group_of(evidence: Evidence) -> str:
    """Which of the GROUPS evidence belongs to."""
    return evidence.signal if evidence.channel is None else "meaning"


def fuse(found: Mapping[str, Sequence[Evidence]], factors: Mapping[str, float] | None = None) -> list[Scored]:
    """Scenes with their evidence, the best first. A score is the sum of its contributions.

    `factors` multiply the weights of groups of signals; how surely each answers stays as it is.
    """
    scored = [_scored(scene_id, evidence, factors or {}) for scene_id, evidence in found.items()]
    return sorted(scored, key=lambda hit: (-hit.score, hit.scene_id))


def _scored(scene_id: str, evidence: Iterable[Evidence], factors: Mapping[str, float]) -> Scored:
    items = [weigh(item) for item in evidence]
    if factors:
        items = [replace(i, contribution=i.contribution * factors.get(group_of(i), 1.0)) for i in items]
    items.sort(key=_contribution, reverse=True)
    return Scored(scene_id=scene_id, score=sum(map(_contribution, items)), evidence=tuple(items))
