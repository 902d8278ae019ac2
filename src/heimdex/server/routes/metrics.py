"""What the service counts, for Prometheus: not for the public."""

from __future__ import annotations

import ipaddress
from typing import cast

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from heimdex.errors import NotFound
from heimdex.server.auth.caller import allowed
from heimdex.server.metrics import ServerMetrics

router = APIRouter(tags=["service"])

# Whoever sends one of these stands in between: then everybody seems to call from this machine.
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
ADMIN = allowed("admin").dependency


def _reader(request: Request) -> None:
    """Who may read the metrics, by HEIMDEX_METRICS. Raises NotFound, or what `caller` raises."""
    mode = request.app.state.heimdex.settings.metrics
    if mode == "off":
        raise NotFound("metrics are switched off (HEIMDEX_METRICS)")
    if mode == "open" or (mode == "auto" and _is_local(request)):
        return
    ADMIN(request)


@router.get("/metrics", operation_id="metrics", include_in_schema=False, dependencies=[Depends(_reader)])
def metrics(request: Request) -> Response:
    """All metrics of this process and of the index, in Prometheus' text format."""
    found = cast("ServerMetrics", request.app.state.metrics)
    return Response(found.text(), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _is_local(request: Request) -> bool:
    """Whether this machine itself asks, with nothing in between."""
    if any(name in request.headers for name in PROXY_HEADERS) or request.scope["http_version"] == "1.0":
        return False
    return _is_loopback(request.client.host if request.client else "") and _is_loopback(
        request.url.hostname or ""
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
