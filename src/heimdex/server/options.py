"""How the service behaves; plain numbers, put together once by whoever starts it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerOptions:
    """Limits of one server process."""

    request_timeout_s: float = 60.0  # until an answer begins; downloads and streams may take longer
    body_bytes: int = 1 << 20  # of a request that is no upload
    picture_bytes: int = 64 << 20  # of a picture to search by
    searches_at_once: int = 4  # further ones wait their turn: two cores answer four sooner than fifty
    libraries: int = 256  # owners whose searchers are kept ready
