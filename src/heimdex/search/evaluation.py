"""How well a library answers labelled queries, by all signals together and by each alone.

Recall@k is the share of a query's moments among the first k hits, of k where there are more: a query with
twenty answers can reach 1 at 5. nDCG@10 is Järvelin & Kekäläinen's (2002) with gain 1 for a hit that covers a
moment not covered yet. Intervals are percentiles of the bootstrap over queries (Efron 1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from heimdex.entities import Answer, Hit, Verdict
from heimdex.search.labels import Labelled, Moment

DEPTH = 100  # hits looked at
CUTS = (1, 5, 10)
RESAMPLES = 1000
INTERVAL = (2.5, 97.5)  # percentiles
SEED = 20
FUSED = "fused"
TIMED = frozenset({"speech"})  # signals whose evidence tells when the answer begins

Search = Callable[[str], Answer]
"""Asks the library for DEPTH hits, also where the verdict is `none`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A mean over queries and the interval in which it lies with 95 %."""

    mean: float
    low: float
    high: float
    queries: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What came out.

    `ranking`: by signal, "fused" first, then by measure, over the queries that have an answer. `sorts`:
    the fused measures by sort of query. `abstention`: precision, recall, lost (answerable queries told
    `none`) and `wrongly sure` (unanswerable told `match`). `verdicts`: by query.
    """

    ranking: Mapping[str, Mapping[str, Figure]]
    sorts: Mapping[str, Mapping[str, Figure]]
    abstention: Mapping[str, Figure]
    time_error_s: float | None  # median of |start of the hit - start of the moment|, first right hits
    verdicts: Mapping[str, Verdict]


def evaluate(labels: Sequence[Labelled], search: Search) -> Report:
    """Ask every query and measure. What a search raises is raised."""
    answers = [(labelled, search(labelled.query)) for labelled in labels]
    answerable = [(labelled, answer) for labelled, answer in answers if labelled.moments]
    signals = sorted(
        {item.signal for _, answer in answerable for hit in answer.hits for item in hit.evidence}
    )
    ranking = {
        signal: _measures([(labelled, _by(signal, answer)) for labelled, answer in answerable])
        for signal in (FUSED, *signals)
    }
    sorts = {
        sort: _measures([(labelled, answer.hits) for labelled, answer in answerable if labelled.sort == sort])
        for sort in dict.fromkeys(labelled.sort for labelled, _ in answerable)
    }
    errors = [error for pair in answerable if (error := time_error_s(pair[0], pair[1].hits)) is not None]
    return Report(
        ranking=ranking,
        sorts=sorts,
        abstention=_abstention(answers),
        time_error_s=median(errors) if errors else None,
        verdicts={labelled.query: answer.verdict for labelled, answer in answers},
    )


def measures_of(labelled: Labelled, hits: Sequence[Hit]) -> dict[str, float]:
    """Recall@k, nDCG@10 and reciprocal rank of one query that has answers."""
    gains, covered = _gains(labelled.moments, hits)
    ideal = sum(1 / math.log2(place + 2) for place in range(min(10, len(labelled.moments))))
    found = {f"recall@{cut}": min(1.0, sum(covered[:cut]) / min(cut, len(labelled.moments))) for cut in CUTS}
    found["nDCG@10"] = sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:10])) / ideal
    found["MRR"] = next((1 / place for place, gain in enumerate(gains, 1) if gain), 0.0)
    return found


def time_error_s(labelled: Labelled, hits: Sequence[Hit]) -> float | None:
    """How far the first right hit begins from its moment, in seconds; None without times or a right hit."""
    for hit in hits:
        for moment in labelled.moments:
            if moment.start_us is not None and answers(hit, moment):
                return abs(_begins_us(hit) - moment.start_us) / 1e6
    return None


def _begins_us(hit: Hit) -> int:
    """Where a hit would be played from: at the words, where it was found by what is said."""
    first = hit.evidence[0] if hit.evidence else None
    if first is None or first.signal not in TIMED or first.at_us is None:
        return hit.start_us
    return first.at_us


def answers(hit: Hit, moment: Moment) -> bool:
    """Whether a hit shows a moment: it is of that file and meets that stretch."""
    if hit.path != moment.path and not hit.path.endswith("/" + moment.path):
        return False
    if moment.start_us is None or moment.end_us is None:
        return True
    return hit.start_us < max(moment.end_us, moment.start_us + 1) and moment.start_us < hit.end_us


def _gains(moments: Sequence[Moment], hits: Sequence[Hit]) -> tuple[list[int], list[int]]:
    """Per hit: whether it shows a moment that none before it shows, and how many of those."""
    left = list(moments)
    covered = []
    for hit in hits:
        here = [moment for moment in left if answers(hit, moment)]
        left = [moment for moment in left if moment not in here]
        covered.append(len(here))
    return [min(1, count) for count in covered], covered


def _by(signal: str, answer: Answer) -> Sequence[Hit]:
    """The hits as one signal alone would order them; those it says nothing of are left out."""
    if signal == FUSED:
        return answer.hits
    scored = [(sum(e.contribution for e in hit.evidence if e.signal == signal), hit) for hit in answer.hits]
    return [hit for score, hit in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _measures(pairs: Sequence[tuple[Labelled, Sequence[Hit]]]) -> dict[str, Figure]:
    measured = [measures_of(labelled, hits) for labelled, hits in pairs]
    names = measured[0] if measured else {}
    return {name: figure([row[name] for row in measured]) for name in names}


def _abstention(answered: Sequence[tuple[Labelled, Answer]]) -> dict[str, Figure]:
    silent = [float(not one.moments) for one, answer in answered if answer.verdict == Verdict.NONE]
    absent = [answer.verdict for one, answer in answered if not one.moments]
    there = [answer.verdict for one, answer in answered if one.moments]
    return {
        "precision": figure(silent),
        "recall": figure([float(verdict == Verdict.NONE) for verdict in absent]),
        "lost": figure([float(verdict == Verdict.NONE) for verdict in there]),
        "wrongly sure": figure([float(verdict == Verdict.MATCH) for verdict in absent]),
    }


def figure(values: Sequence[float]) -> Figure:
    """A mean with its bootstrap interval; NaN of nothing."""
    if not values:
        return Figure(mean=math.nan, low=math.nan, high=math.nan, queries=0)
    drawn = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(np.asarray(values)[drawn].mean(axis=1), INTERVAL)
    return Figure(mean=fmean(values), low=float(low), high=float(high), queries=len(values))
