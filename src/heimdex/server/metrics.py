"""What the service counts of itself, for Prometheus.

Every server process counts for itself and is scraped for itself; see docs/decisions/0042-watching.md.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from heimdex import __version__
from heimdex.server.installation_metrics import InstallationMetrics
from heimdex.server.process_metrics import ProcessMetrics

if TYPE_CHECKING:
    from starlette.types import Scope

    from heimdex.app import Heimdex
    from heimdex.entities import Answer

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
NO_ROUTE = "none"  # addresses that nothing answers are the caller's invention: they get no label of their own
NO_MODEL = "none"
REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SEARCH_BUCKETS_S = (0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ServerMetrics:
    """The counters of one server process, and what is looked up when they are read. Thread-safe."""

    def __init__(self, heimdex: Heimdex) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "heimdex_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._request_seconds = Histogram(
            "heimdex_http_request_duration_seconds",
            "Seconds until an answer began.",
            ("method", "route"),
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self._searches = Counter(
            "heimdex_searches", "Searches answered.", ("verdict", "model"), registry=registry
        )
        self._search_seconds = Histogram(
            "heimdex_search_duration_seconds",
            "Seconds a search took, waiting for its turn aside.",
            ("model",),
            buckets=SEARCH_BUCKETS_S,
            registry=registry,
        )
        registry.register(ProcessMetrics(heimdex, __version__))
        registry.register(InstallationMetrics(heimdex))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def answered(self, scope: Scope, status: int, began_s: float) -> None:
        """An answer begins. `began_s` is when its request came, on `time.perf_counter`."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = _template(scope)
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(time.perf_counter() - began_s)

    def searched(self, answer: Answer) -> None:
        """A search was answered."""
        model = answer.models.get("picture", NO_MODEL)
        self._searches.labels(answer.verdict.value, model).inc()
        self._search_seconds.labels(model).observe(answer.took_ms / 1000)

    def text(self) -> bytes:
        """Everything in Prometheus' text format. Reads the database, at most every few seconds."""
        return generate_latest(self._registry)


def _template(scope: Scope) -> str:
    """The path of the route that answers, with its parameters by name."""
    route: Any = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) and path else NO_ROUTE
