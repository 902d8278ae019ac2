"""From where files may be fetched: an allow-list of places, and addresses of the open internet only."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx2

from heimdex.errors import AddressRefused, SettingsError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a name and a port. Raises OSError."""

INTERNET6 = IPv6Network("2000::/3")  # all of IPv6 that is handed out to be reached from anywhere
TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/23"))  # they hold IPv4 addresses; and special ones
# Older Pythons call some of these global.
SPECIAL = tuple(
    ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "2001:db8::/32", "3fff::/20")
)
LONGEST_URL = 2_000
REFUSED = "this address cannot be fetched from here"
OFF = "fetching by address is switched off here; HEIMDEX_INGEST_HOSTS names the places to fetch from"
_PLACE = re.compile(r"(?:(https?)://)?((?:\[[0-9a-fA-F:.]+\]|[^/?#@:\s\[\]]+)(?::\d+)?)(/[^?#\s]*)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An entry of the allow-list: a host, perhaps with all below it (`*.`), a scheme, a port, a path."""

    host: str
    below: bool
    scheme: str | None
    port: int | None
    path: str

    def holds(self, url: httpx2.URL) -> bool:
        """Whether an address lies in it."""
        host = _host(url)
        if host != self.host and not (self.below and host.endswith(f".{self.host}")):
            return False
        if self.scheme is not None and url.scheme != self.scheme:
            return False
        if self.port is None:
            return url.port is None and _within(url, self.path)
        return _port(url) == self.port and _within(url, self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchPolicy:
    """What may be fetched. No places: nothing."""

    places: tuple[Place, ...] = ()
    http: bool = False  # unencrypted
    networks: tuple[Network, ...] = ()  # not of the open internet, and allowed all the same


def places(text: str) -> tuple[Place, ...]:
    """The allow-list of a setting: `media.example.org, *.example.net, https://example.com/films/`.

    Raises SettingsError.
    """
    return tuple(_place(entry.strip()) for entry in text.split(",") if entry.strip())


def networks(text: str) -> tuple[Network, ...]:
    """The networks of a setting: `10.1.0.0/16, fd00::/8`. Raises SettingsError."""
    try:
        return tuple(ipaddress.ip_network(entry.strip()) for entry in text.split(",") if entry.strip())
    except ValueError as error:
        raise SettingsError(f"HEIMDEX_INGEST_NETWORKS: {error}") from error


def check_url(text: str, policy: FetchPolicy) -> httpx2.URL:
    """An address that may be asked for, before its name is looked up. Raises AddressRefused."""
    if not policy.places:
        raise AddressRefused(OFF)
    try:
        url = httpx2.URL(text)
        port = url.port
    except (httpx2.InvalidURL, ValueError, TypeError) as error:
        raise AddressRefused("this is no address") from error
    if len(text) > LONGEST_URL or any(not " " < letter < "\x7f" or letter == "\\" for letter in text):
        raise AddressRefused("this is no address, or too long a one; it is written with ASCII letters")
    schemes = ("https", "http") if policy.http else ("https",)
    if url.scheme not in schemes:
        raise AddressRefused(f"only {' and '.join(schemes)} addresses are fetched")
    if url.userinfo or "@" in url.netloc.decode("ascii", "replace"):
        raise AddressRefused("an address with a name or password is not fetched")
    if not url.host or port == 0 or not any(place.holds(url) for place in policy.places):
        raise AddressRefused("this address is not among the places that files may be fetched from")
    _check_literal(url, policy)
    return url.copy_with(fragment=None)


def resolve(host: str, port: int, policy: FetchPolicy, resolver: Resolver) -> str:
    """The one address to connect to. Every address the name has must be allowed. Raises AddressRefused."""
    try:
        found = [ipaddress.ip_address(text) for text in resolver(host, port)]
    except (OSError, ValueError, UnicodeError) as error:
        raise AddressRefused(REFUSED) from error
    if not found or not all(is_allowed(address, policy.networks) for address in found):
        raise AddressRefused(REFUSED)
    return str(found[0])


def system_resolver(host: str, port: int) -> Sequence[str]:
    """What this machine says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_allowed(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether an address is of the open internet, or of a network that is allowed."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if any(one in network for one in (address, mapped) if one for network in allowed):
        return True
    if any(address in network for network in SPECIAL):
        return False
    if isinstance(address, IPv6Address):
        if address not in INTERNET6 or any(address in tunnel for tunnel in TUNNELS):
            return False  # IPv4 in disguise (mapped, 6to4, NAT64, Teredo) among them
        return address.is_global and not address.is_multicast
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _check_literal(url: httpx2.URL, policy: FetchPolicy) -> None:
    """Numbers in place of a name: one in its plain form is checked, another (0177.1, 2130706433) refused."""
    host = _host(url)
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        if re.fullmatch(r"[0-9a-fx.]*", host.rpartition(".")[2]) and _is_number(host):
            raise AddressRefused(REFUSED) from None
        return
    if "%" in host or not is_allowed(address, policy.networks):
        raise AddressRefused(REFUSED)


def _is_number(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def _place(entry: str) -> Place:
    found = _PLACE.fullmatch(entry)
    try:
        if found is None:
            raise ValueError("is no host and no address")  # noqa: TRY301
        url = httpx2.URL(f"{found[1] or 'https'}://{found[2].removeprefix('*.')}{found[3] or '/'}")
        host, port = _host(url), url.port
        if not host or "*" in host:
            raise ValueError("is no host and no address")  # noqa: TRY301
    except (ValueError, httpx2.InvalidURL) as error:
        raise SettingsError(f"HEIMDEX_INGEST_HOSTS: {entry!r}: {error}") from error
    return Place(host=host, below=found[2].startswith("*."), scheme=found[1], port=port, path=url.path or "/")


def _host(url: httpx2.URL) -> str:
    return url.raw_host.decode("ascii").lower().rstrip(".")


def _port(url: httpx2.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _within(url: httpx2.URL, path: str) -> bool:
    """Whether the path lies below, as it is sent: no dots that lead out, plain or escaped."""
    sent = url.raw_path.decode("ascii").partition("?")[0]
    folder = path if path.endswith("/") else f"{path}/"
    if path == "/":
        return True
    if re.search(r"(^|/)(\.|%2e){1,2}(/|$|%2f|%5c)|%2f|%5c", sent, re.IGNORECASE):
        return False
    return sent == path or sent.startswith(folder)
