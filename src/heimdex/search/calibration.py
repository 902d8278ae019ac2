"""From a cosine to the odds that a picture shows what was asked for (docs/decisions/0032-verdict.md).

A score becomes deviations above what texts as such reach with that picture. From it goes half of what this
query reaches with pictures as such: the median over a sample of the library, which nearly half of the library
may answer without moving it, and no more than MOST_MEDIAN, so that a query for what a whole archive shows
still finds it. The best of N chance scores grows with N; what is to be an answer has to lie above that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

import numpy as np

from heimdex.encoders.background import on_scale
from heimdex.entities import Space, Values
from heimdex.store.calibrations import Calibration, Sample

# Fitted by scripts/fit_verdict.py on every second photo of the test data, with the starter's class names.
SLOPE = 2.28  # log odds per deviation
MIDDLE = 1.462  # deviations above chance with even odds
GROWTH = 0.535  # of the growth of the best of N independent scores: pictures are alike
MEDIAN_SHARE = 0.5
MOST_MEDIAN = 0.5  # deviations
MOST_ODDS = 30.0  # logarithm of; beyond, a share of 1 could not be told from 1
BLOM = 0.375  # expected order statistics of normal values, Blom 1958

_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryNull:
    """What a query reaches by chance in one library, in deviations; what a row without calibration gets."""

    space: Space
    chance: float
    typical: Calibration

    @classmethod
    def of(cls, vector: Values, sample: Sample, space: Space, plain: Values | None = None) -> Self | None:
        """For a query's vector, (dim,), by a sample of the library; None where nothing is calibrated.

        `plain` is the vector before an adapter moved it. What the move brings pictures as such is no sign of
        an answer: it goes off in full.
        """
        if sample.rows == 0:
            return None
        median = _median(vector, sample, space)
        usual = median if plain is None else _median(plain, sample, space)
        return cls(
            space=space,
            chance=MEDIAN_SHARE * min(usual, MOST_MEDIAN)
            + max(0.0, median - usual)
            + GROWTH * expected_best(sample.rows),
            typical=Calibration(
                mean=float(np.median(sample.means)), deviation=float(np.median(sample.deviations))
            ),
        )

    def strengths(self, cosines: Sequence[float], calibrations: Sequence[Calibration | None]) -> list[float]:
        """The odds, as shares of 1, that pictures with these cosines show what was asked for."""
        held = [calibration or self.typical for calibration in calibrations]
        means, deviations = np.array([(item.mean, item.deviation) for item in held]).reshape(-1, 2).T
        scores = (on_scale(np.array(cosines, np.float32), self.space) - means) / deviations
        odds = np.clip(SLOPE * (scores - self.chance - MIDDLE), -MOST_ODDS, MOST_ODDS)
        found: list[float] = (1.0 / (1.0 + np.exp(-odds))).tolist()
        return found


def _median(vector: Values, sample: Sample, space: Space) -> float:
    # Not by BLAS, whose threads go on spinning for a while and take the processor from the database.
    cosines = np.einsum("ij,j->i", sample.values, vector)
    return float(np.median((on_scale(cosines, space) - sample.means) / sample.deviations))


def expected_best(count: int) -> float:
    """The expected largest of so many standard normal values, by Blom's approximation; 0 for one."""
    return _NORMAL.inv_cdf((count - BLOM) / (count + 1 - 2 * BLOM))
