"""Where a request comes from: whose machine, by what address, and from which site's page.

What a reverse proxy tells counts only from a proxy that the settings trust. A proxy that is not told of must
not make the whole world look like this machine: any sign of one, and the request is not local.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from heimdex.errors import NotAllowed
from heimdex.server.auth.options import AuthOptions, is_loopback

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
# Also of proxies that are not trusted: whoever sends one of these stands in between.
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
DEFAULT_PORTS = {"http": "80", "https": "443"}
_WITH_PORT = re.compile(r'"?(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::\d+)?"?', re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Whence:
    """Where a request comes from. `origins` are those of our own pages, as it knows us."""

    address: str  # of the client; of its proxy where that is not trusted
    scheme: str
    host: str  # name or address, without port
    origins: frozenset[str]
    is_local: bool  # from this machine, to this machine, with nothing in between


def whence(connection: HTTPConnection, options: AuthOptions) -> Whence:
    """Where a request comes from."""
    peer = connection.client.host if connection.client else ""
    is_trusted = _is_trusted(peer, options)
    host_header = connection.headers.get("host", "")
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    address = peer
    if is_trusted:
        told = connection.headers.get("x-forwarded-proto", "").split(",")[-1].strip().lower()
        scheme = told if told in DEFAULT_PORTS else scheme
        address = _client_of(connection, peer, options)
    origins = {_origin(f"{scheme}://{host_header}")}
    if options.public_url is not None:
        origins.add(_origin(options.public_url))
    host = _hostname(host_header)
    return Whence(
        address=address,
        scheme=scheme,
        host=host,
        origins=frozenset(origins - {""}),
        is_local=is_loopback(peer) and is_loopback(host) and not is_trusted and not _has_proxy(connection),
    )


def demand_own_page(connection: HTTPConnection, where: Whence) -> None:
    """Raises NotAllowed where a browser says that another site's page sends this."""
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if (site is not None and site not in ("same-origin", "none")) or (
        origin is not None and _origin(origin) not in where.origins
    ):
        raise NotAllowed(
            "Another site's page sent this, or a reverse proxy hides which address you use; for the latter "
            "set HEIMDEX_PUBLIC_URL to that address."
        )


def demand_no_embedding(connection: HTTPConnection, where: Whence) -> None:
    """Raises NotAllowed where another site's page reads from us. Following a link to us is no such thing."""
    if connection.headers.get("sec-fetch-mode") == "navigate" and connection.headers.get(
        "sec-fetch-dest", "document"
    ) in ("document", "empty"):
        return
    demand_own_page(connection, where)


def is_safe(connection: HTTPConnection) -> bool:
    """Whether the method changes nothing."""
    return connection.scope.get("method", "GET") in SAFE_METHODS and connection.scope["type"] == "http"


def _has_proxy(connection: HTTPConnection) -> bool:
    # Proxies that hide themselves still speak HTTP/1.0 to what is behind them, as nginx does by default.
    return connection.scope.get("http_version") == "1.0" or any(
        name in connection.headers for name in PROXY_HEADERS
    )


def _is_trusted(address: str, options: AuthOptions) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in options.trusted_proxies)


def _client_of(connection: HTTPConnection, peer: str, options: AuthOptions) -> str:
    """The nearest address in X-Forwarded-For that is no trusted proxy: those before it anybody may invent."""
    told = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
    for address in reversed([_without_port(part.strip()) for part in told if part.strip()]):
        if not _is_trusted(address, options):
            return address
    return peer


def _without_port(told: str) -> str:
    """An address of which some proxies tell the port too: else each port would be another guesser."""
    found = _WITH_PORT.fullmatch(told)
    return told if found is None else found[1] or found[2]


def _hostname(host_header: str) -> str:
    try:
        return urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return ""


def _origin(url: str) -> str:
    """Scheme, host and port in one form; empty for `null` and what is malformed."""
    try:
        parts = urlsplit(url)
        port = str(parts.port or DEFAULT_PORTS.get(parts.scheme, ""))
    except ValueError:
        return ""
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"
