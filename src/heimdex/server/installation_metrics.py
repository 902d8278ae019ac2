"""What the index of the whole installation has come to, counted from rows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from heimdex.errors import HeimdexError
from heimdex.server.standing import Pace, Standing
from heimdex.store.installation import Figure, installation_figures, vector_figures

if TYPE_CHECKING:
    from heimdex.app import Heimdex

log = logging.getLogger(__name__)

FRESH_S = 15.0
WAIT_S = 4.0  # that a scrape waits for a count; Prometheus gives up after 10 s
REST = 20  # counting pauses for so many times what it took: it never takes more than a twentieth of the time


@dataclass(frozen=True, kw_only=True, slots=True)
class _Family:
    """How figures of one name are shown. `labels` name the parts of a figure and what they are called."""

    name: str
    help: str
    labels: tuple[tuple[str, str], ...]


_STAGE_MODEL = (("stage", "stage"), ("model", "model"))
FAMILIES = {
    "assets": _Family(name="heimdex_assets", help="Assets that are there.", labels=(("state", "kind"),)),
    "files": _Family(name="heimdex_files", help="Files that were met.", labels=(("state", "state"),)),
    "runs": _Family(
        name="heimdex_stage_runs",
        help="Entries of the ledger: an asset, a stage, a model, and how it ended.",
        labels=(*_STAGE_MODEL, ("state", "state")),
    ),
    "timeouts": _Family(
        name="heimdex_stage_timeouts",
        help="Entries of the ledger that failed because they overran their time.",
        labels=_STAGE_MODEL,
    ),
    "run_seconds": _Family(
        name="heimdex_stage_runs_duration_seconds",
        help="Seconds that the entries of the ledger took, added up.",
        labels=_STAGE_MODEL,
    ),
    "coverage": _Family(
        name="heimdex_stage_coverage_ratio",
        help="Share of the assets a stage is for that it has come to an end with, by whatever model.",
        labels=(("stage", "stage"),),
    ),
    "vectors": _Family(
        name="heimdex_vectors", help="Kept frames with a vector.", labels=(("model", "model"),)
    ),
    "vector_failures": _Family(
        name="heimdex_vector_failures",
        help="Kept frames without a vector, for which a record says why.",
        labels=(("model", "model"),),
    ),
    "vector_coverage": _Family(
        name="heimdex_vector_coverage_ratio",
        help="Share of the kept frames with all their vectors of a model.",
        labels=(("model", "model"),),
    ),
    "inferences": _Family(
        name="heimdex_inference_vectors",
        help="Vectors whose time of inference is known.",
        labels=(("model", "model"),),
    ),
    "inference_seconds": _Family(
        name="heimdex_inference_duration_seconds",
        help="Seconds of inference of those vectors, added up.",
        labels=(("model", "model"),),
    ),
    "jobs": _Family(
        name="heimdex_jobs", help="Jobs by queue and state.", labels=(("stage", "queue"), ("state", "state"))
    ),
    "job_age": _Family(
        name="heimdex_job_oldest_age_seconds",
        help="How long the oldest job that waits has waited.",
        labels=(("stage", "queue"),),
    ),
}


class InstallationMetrics(Collector):
    """Counted when a scrape asks and the last count is not fresh any more; a scrape waits a while for it."""

    def __init__(self, heimdex: Heimdex, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = {
            "ledger": Count(heimdex, installation_figures, clock),
            "vectors": Count(heimdex, vector_figures, clock),
        }

    def describe(self) -> list[Metric]:
        """Nothing beforehand: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics; where the database does not answer, only that it does not."""
        counted = GaugeMetricFamily(
            "heimdex_installation_counted", "Whether the rows could be counted.", labels=["part"]
        )
        took = GaugeMetricFamily(
            "heimdex_installation_count_duration_seconds",
            "Seconds the last count of the rows took.",
            labels=["part"],
        )
        found: list[Figure] = []
        for part, count in self._parts.items():
            figures = count.figures()
            counted.add_metric([part], float(figures is not None))
            took.add_metric([part], count.took_s)
            found += figures or ()
        yield counted
        yield took
        for name, family in FAMILIES.items():
            yield _shown(family, [figure for figure in found if figure.name == name])


class Count:
    """One way of counting, on a thread of its own, and what came of it last. Thread-safe."""

    def __init__(
        self,
        heimdex: Heimdex,
        count: Callable[[Any], tuple[Figure, ...]],
        clock: Callable[[], float],
    ) -> None:
        self._heimdex, self._counted = heimdex, count
        pace = Pace(thread="counting", wait_s=WAIT_S, rest_s=lambda took_s: max(FRESH_S, REST * took_s))
        self._standing: Standing[tuple[Figure, ...] | None] = Standing(self._count, None, pace, clock)

    @property
    def took_s(self) -> float:
        """Seconds that the last count took."""
        return self._standing.took_s

    def figures(self) -> tuple[Figure, ...] | None:
        """What was counted last; None where that failed, or has not come to an end yet."""
        return self._standing.value()

    def _count(self, _: object) -> tuple[Figure, ...] | None:
        try:
            return self._heimdex.database.run(
                self._heimdex.owner, self._counted, read_only=True, patience_s=0.0
            )
        except HeimdexError as error:
            log.warning("the rows of the installation could not be counted: %s", error)
            return None


def _shown(family: _Family, figures: Sequence[Figure]) -> Metric:
    labels = [label for _, label in family.labels]
    metric = GaugeMetricFamily(family.name, family.help, labels=labels)
    for figure in figures:
        metric.add_metric([getattr(figure, part) for part, _ in family.labels], figure.value)
    return metric
