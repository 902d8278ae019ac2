"""How the service behaves; plain numbers, put together once by whoever starts it."""

from __future__ import annotations

from dataclasses import dataclass

from heimdex.server.auth.options import AuthOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerOptions:
    """Limits of one server process."""

    request_timeout_s: float = 60.0  # until an answer begins; downloads and streams may take longer
    body_bytes: int = 1 << 20  # of a request that is no upload
    picture_bytes: int = 64 << 20  # of a picture to search by
    searches_at_once: int = 4  # further ones wait their turn: two cores answer four sooner than fifty
    # What takes long, and may have no more than these of the 40 threads that answer requests.
    verifications_at_once: int = 2
    clips_at_once: int = 4
    checks_at_once: int = 4  # of files that came in a single request; others are seen to in the background
    auth: AuthOptions | None = None  # None: as the settings say of a server on loopback
    libraries: int = 256  # owners whose searchers are kept ready
