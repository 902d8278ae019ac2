"""Files fetched by address: the name is looked up once, and the connection goes to that very address.

The connection pool is httpcore2's, whose network side is ours: what is checked is what is connected to, while
the certificate and the Host header keep to the name. No proxy, no cookies, no automatic redirects.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from heimdex.errors import AddressRefused, FetchFailed, UploadTooLarge
from heimdex.pipeline.incoming.addresses import FetchPolicy, Resolver, check_url, resolve, system_resolver

REDIRECTS = (301, 302, 303, 307, 308)
UNREACHED = "the address did not give a file: it could not be reached, broke off, or took too long"
AGENT = b"heimdex"


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchOptions:
    """How patiently, and how much."""

    policy: FetchPolicy
    largest_bytes: int
    connect_s: float = 10.0
    idle_s: float = 30.0  # without a byte
    headers_s: float = 30.0  # until an answer's headers are whole
    total_s: float = 6 * 3_600.0
    least_bytes_per_s: float = 4_096.0  # on average, once `headers_s` have passed
    redirects: int = 5
    tls: ssl.SSLContext | None = None  # None: the certificates that the system trusts
    resolver: Resolver = system_resolver


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """An answer whose bytes are still to be read. `size_bytes` None: the server does not say."""

    size_bytes: int | None
    blocks: Iterator[bytes]


@contextmanager
def fetch(address: str, options: FetchOptions) -> Iterator[Fetched]:
    """The file at an address, as it comes, never unpacked.

    Raises AddressRefused, FetchFailed, UploadTooLarge; the blocks do too. No message tells more of what
    lies behind an address than that it gave no file.
    """
    clock = _Clock(options)
    url = check_url(address, options.policy)
    for _ in range(options.redirects + 1):
        with _answer(url, options, clock) as response:
            if response.status not in REDIRECTS:
                yield _file(response, options, clock)
                return
            url = _next(url, response, options)
    raise FetchFailed(f"the address leads on more than {options.redirects} times")


class _Clock:
    """When it has been enough."""

    def __init__(self, options: FetchOptions) -> None:
        self._options = options
        self._began_s = time.monotonic()
        self._asked_s = self._began_s
        self._got_bytes = 0
        self._has_headers = False

    def asking(self) -> None:
        """A request begins."""
        self._asked_s, self._has_headers = time.monotonic(), False

    def answered(self) -> None:
        """The headers are whole."""
        self._has_headers = True

    def got(self, count: int) -> None:
        """So many bytes of the file came."""
        self._got_bytes += count

    def check(self) -> None:
        """Raise where it has been too long: within headers, all in all, or drop by drop."""
        options, now = self._options, time.monotonic()
        asked_s = now - self._asked_s
        late = now - self._began_s > options.total_s
        if not self._has_headers:
            late = late or asked_s > options.headers_s + options.connect_s
        elif asked_s > options.headers_s:
            late = late or self._got_bytes < options.least_bytes_per_s * asked_s
        if late:
            raise httpcore2.ReadTimeout


class _Pinned(httpcore2.NetworkBackend):
    """Connects to addresses that were checked, and to no others."""

    def __init__(self, options: FetchOptions, clock: _Clock) -> None:
        self._options, self._clock = options, clock
        self._system = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        address = resolve(host, port, self._options.policy, self._options.resolver)
        stream = self._system.connect_tcp(address, port, timeout, local_address, socket_options)
        return _Stream(stream, self._clock)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        raise httpcore2.ConnectError


class _Stream(httpcore2.NetworkStream):
    """A connection that looks at the clock before each read: a byte now and then is no answer."""

    def __init__(self, inner: httpcore2.NetworkStream, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._clock.check()
        return self._inner.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@contextmanager
def _answer(url: httpx2.URL, options: FetchOptions, clock: _Clock) -> Iterator[httpcore2.Response]:
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    headers = [
        (b"Host", url.netloc),
        (b"User-Agent", AGENT),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
        (b"Connection", b"close"),
    ]
    timeout = {"connect": options.connect_s, "read": options.idle_s, "write": options.idle_s, "pool": 1.0}
    clock.asking()
    with (
        httpcore2.ConnectionPool(
            ssl_context=options.tls, network_backend=_Pinned(options, clock), http2=False
        ) as pool,
        _told_apart(),
        pool.stream("GET", target, headers=headers, extensions={"timeout": timeout}) as response,
    ):
        clock.answered()
        yield response


@contextmanager
def _told_apart() -> Iterator[None]:
    """Whatever the network did becomes one and the same error."""
    try:
        yield
    except (
        httpcore2.NetworkError,
        httpcore2.TimeoutException,
        httpcore2.ProtocolError,
        httpcore2.UnsupportedProtocol,
        ssl.SSLError,
        OSError,
    ) as error:
        raise FetchFailed(UNREACHED) from error


def _file(response: httpcore2.Response, options: FetchOptions, clock: _Clock) -> Fetched:
    if response.status != 200:
        raise FetchFailed(f"the address answers with status {response.status}, not with a file")
    if (_header(response, b"content-encoding") or "identity").lower() != "identity":
        raise FetchFailed("the address answers with a packed file although it was asked not to")
    length = _header(response, b"content-length") or ""
    size = int(length) if length.isdecimal() and len(length) < 19 else None
    if size is not None and size > options.largest_bytes:
        raise UploadTooLarge(f"the file has {size:,} bytes; at most {options.largest_bytes:,} are taken")
    return Fetched(size_bytes=size, blocks=_blocks(response, options, clock.got))


def _blocks(
    response: httpcore2.Response, options: FetchOptions, got: Callable[[int], None]
) -> Iterator[bytes]:
    total = 0
    with _told_apart():
        for block in response.iter_stream():
            total += len(block)
            if total > options.largest_bytes:
                raise UploadTooLarge(
                    f"the file has more than the {options.largest_bytes:,} bytes that are taken"
                )
            got(len(block))
            yield block


def _next(url: httpx2.URL, response: httpcore2.Response, options: FetchOptions) -> httpx2.URL:
    """Where the address leads on to, checked like the first."""
    location = _header(response, b"location") or ""
    try:
        onward = url.join(location)
    except (httpx2.InvalidURL, ValueError) as error:
        raise AddressRefused("the address leads on to no address") from error
    if not location or (url.scheme == "https" and onward.scheme != "https"):
        raise AddressRefused("the address leads on to one that is not encrypted, or to none")
    return check_url(str(onward), options.policy)


def _header(response: httpcore2.Response, name: bytes) -> str | None:
    values = [value for key, value in response.headers if key.lower() == name]
    return values[0].decode("ascii", "replace").strip() if values else None
