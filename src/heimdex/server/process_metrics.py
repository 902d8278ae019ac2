"""What one server process holds: models, connections, lists, and the disk it writes to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from heimdex.inference.warm import TTL_S
from heimdex.pipeline import warmth
from heimdex.search.kept_tally import kept_tally

if TYPE_CHECKING:
    from heimdex.app import Heimdex


class ProcessMetrics(Collector):
    """Read anew at each scrape; nothing of it takes long."""

    def __init__(self, heimdex: Heimdex, version: str) -> None:
        self._heimdex = heimdex
        self._version = version

    def describe(self) -> list[Metric]:
        """Nothing beforehand: registering must not look anything up."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics."""
        yield InfoMetricFamily("heimdex_build", "What runs here.", {"version": self._version})
        yield from _models()
        yield from _lists()
        yield from self._connections()
        yield from self._disk()

    def _connections(self) -> Iterator[Metric]:
        use = self._heimdex.database.pool_use
        family = GaugeMetricFamily(
            "heimdex_database_connections", "Connections to the database.", labels=["state"]
        )
        for state, count in (("busy", use.busy), ("idle", use.idle)):
            family.add_metric([state], count)
        yield family
        most = "Transactions this process may have open at once."
        yield GaugeMetricFamily("heimdex_database_connections_limit", most, value=use.most)

    def _disk(self) -> Iterator[Metric]:
        try:
            found = shutil.disk_usage(self._heimdex.settings.home)
        except OSError:  # a home that is gone shows in everything else
            return
        yield GaugeMetricFamily("heimdex_home_free_bytes", "Free where the home lies.", value=found.free)
        yield GaugeMetricFamily("heimdex_home_size_bytes", "Size of the disk it lies on.", value=found.total)


def _models() -> Iterator[Metric]:
    cache = warmth.cache(TTL_S)
    loaded = "Models that are loaded."
    yield GaugeMetricFamily("heimdex_warm_models", loaded, value=len(cache.keys()))
    held = "What loaded models hold, reckoned beforehand."
    yield GaugeMetricFamily("heimdex_warm_models_bytes", held, value=cache.held_bytes)
    budget = "What loaded models may hold."
    yield GaugeMetricFamily("heimdex_warm_models_limit_bytes", budget, value=cache.budget_bytes)
    yield CounterMetricFamily("heimdex_warm_model_hits", "Uses of a model that was loaded.", value=cache.hits)
    yield CounterMetricFamily("heimdex_warm_model_loads", "Models that had to be loaded.", value=cache.loads)


def _lists() -> Iterator[Metric]:
    tally = kept_tally()
    asked = "Later pages of a search."
    yield CounterMetricFamily("heimdex_search_pages", asked, value=tally.asked)
    found = "Later pages that were cut from a kept list."
    yield CounterMetricFamily("heimdex_search_pages_kept", found, value=tally.found)
