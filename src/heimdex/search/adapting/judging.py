"""Whether an adapter may be used: better on held-out queries, and no worse at saying that nothing answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np

from heimdex.entities import Answer, Verdict
from heimdex.search.evaluation import FUSED, SEED, Figure, evaluate, measures_of
from heimdex.search.labels import Labelled

MEASURE = "nDCG@10"
RESAMPLES = 10_000
TINY = 1e-9  # where one query makes all the difference that is exactly the error
BOUND = 5.0  # percentile of the resampled gains that has to be above 0

Answers = Mapping[str, Answer]
"""By query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """How often it was said that nothing answers, and how often that was wrong."""

    silent: int  # queries without an answer told `none`
    wrongly_sure: int  # queries without an answer told `match`
    lost: int  # queries with an answer told `none`

    def is_worse_than(self, other: Silence) -> bool:
        """In any of the three."""
        return self.silent < other.silent or self.wrongly_sure > other.wrongly_sure or self.lost > other.lost


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The verdict on an adapter, with its figures as a document."""

    reason: str | None  # why it may not be used
    figures: dict[str, Any]


def silence_of(labels: Sequence[Labelled], answered: Answers) -> Silence:
    """Counts over labelled queries."""
    absent = [answered[one.query].verdict for one in labels if not one.moments]
    there = [answered[one.query].verdict for one in labels if one.moments]
    return Silence(
        silent=absent.count(Verdict.NONE),
        wrongly_sure=absent.count(Verdict.MATCH),
        lost=there.count(Verdict.NONE),
    )


def gains(labels: Sequence[Labelled], before: Answers, after: Answers) -> list[float]:
    """What each query with an answer gains in nDCG@10."""
    return [
        measures_of(one, after[one.query].hits)[MEASURE] - measures_of(one, before[one.query].hits)[MEASURE]
        for one in labels
        if one.moments
    ]


def judge(labels: Sequence[Labelled], before: Answers, after: Answers) -> Judgement:
    """Held-out queries asked without an adapter and with it."""
    gained = gains(labels, before, after)
    low = lower_bound(gained)
    quiet = silence_of(labels, before), silence_of(labels, after)
    reason = None
    if low <= 0:
        reason = (
            f"it is not better on the {len(gained)} held-out queries that have an answer: {MEASURE} gains "
            f"{fmean(gained):+.3f}, and only {low:+.3f} can be relied on"
        )
    elif quiet[1].is_worse_than(quiet[0]):
        reason = (
            "it says nothing at the wrong places: "
            f"before and after {quiet[0].silent} and {quiet[1].silent} queries without an answer were told "
            f"`none`, {quiet[0].wrongly_sure} and {quiet[1].wrongly_sure} `match`; {quiet[0].lost} and "
            f"{quiet[1].lost} with an answer were told `none`"
        )
    figures = {
        "queries": len(labels),
        "answerable": len(gained),
        "before": _document(labels, before),
        "after": _document(labels, after),
        "gain": {"mean": round(fmean(gained), 4), "low": round(low, 4)},
    }
    return Judgement(reason=reason, figures=figures)


def lower_bound(values: Sequence[float]) -> float:
    """The BOUNDth percentile of the means of paired resamples of queries (Efron 1979)."""
    drawn = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    return float(np.percentile(np.asarray(values)[drawn].mean(axis=1), BOUND))


def choose(options: Sequence[Sequence[float]]) -> int:
    """Which of several ways to take, by what each does for the same queries; the most cautious come first.

    The first that is no more than one standard error of the difference behind the best (Breiman et al. 1984).
    """
    best = max(options, key=fmean)
    for number, option in enumerate(options):
        behind = [one - other for one, other in zip(best, option, strict=True)]
        error = stdev(behind) / math.sqrt(len(behind)) if len(behind) > 1 else 0.0
        if fmean(behind) <= error + TINY:
            return number
    raise AssertionError("the best is not behind itself")


def _document(labels: Sequence[Labelled], answered: Answers) -> dict[str, Any]:
    report = evaluate(labels, answered.__getitem__)
    return {name: _figure(found) for name, found in {**report.ranking[FUSED], **report.abstention}.items()}


def _figure(found: Figure) -> dict[str, Any]:
    values = {"mean": found.mean, "low": found.low, "high": found.high}
    rounded: dict[str, Any] = {
        name: None if math.isnan(value) else round(value, 4) for name, value in values.items()
    }
    return rounded | {"queries": found.queries}
