"""Sentences and scenes: which sentences belong to which scene, by the time they share. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from heimdex.entities import Scene, Utterance

SLIVER_US = 200_000  # a scene that a sentence touches for less than this,
SLIVER_SHARE = 0.2  # and with less of itself than this, is not where it is said


def overlapping(utterances: Sequence[Utterance], scenes: Sequence[Scene]) -> dict[str, tuple[Utterance, ...]]:
    """The sentences of each scene by its id, in the sentences' order; every scene has an entry.

    A sentence belongs to all scenes it is said in, with its own times, so to one at least: where it lies
    before the first scene, after the last or in a gap, to the nearest. `scenes` are those of one asset and do
    not overlap.
    """
    ordered = sorted(scenes, key=lambda scene: (scene.start_us, scene.end_us))
    found: dict[str, list[Utterance]] = {scene.scene_id: [] for scene in ordered}
    starts, ends = [scene.start_us for scene in ordered], [scene.end_us for scene in ordered]
    for sentence in utterances:
        first = bisect_right(ends, sentence.start_us)
        last = bisect_left(starts, sentence.end_us, lo=first)
        touched = ordered[first:last]
        for scene in _said_in(sentence, touched) or _nearest(
            sentence, ordered[max(0, first - 1) : first + 1]
        ):
            found[scene.scene_id].append(sentence)
    return {scene_id: tuple(group) for scene_id, group in found.items()}


def _said_in(sentence: Utterance, touched: Sequence[Scene]) -> list[Scene]:
    """Of the scenes a sentence touches those that are more than a sliver of it, or the largest of them."""
    if len(touched) < 2:
        return list(touched)
    least_us = min(SLIVER_US, SLIVER_SHARE * (sentence.end_us - sentence.start_us))
    shares = [_shared_us(sentence, scene) for scene in touched]
    largest = max(shares)
    return [scene for scene, share in zip(touched, shares, strict=True) if share >= min(least_us, largest)]


def _shared_us(sentence: Utterance, scene: Scene) -> int:
    return min(sentence.end_us, scene.end_us) - max(sentence.start_us, scene.start_us)


def _nearest(sentence: Utterance, around: Sequence[Scene]) -> list[Scene]:
    """The one nearest in time; of two that are as near, the later."""
    if not around:
        return []
    return [min(reversed(around), key=lambda scene: -_shared_us(sentence, scene))]
