"""How many requests a caller may make: a token bucket each, in this process.

Several processes each count for themselves, so that N of them allow up to N times as much; the setting says
so. Attempts to sign in are counted in the database instead (`attempts.py`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heimdex.errors import RateLimited

MINUTE_S = 60.0
MAX_BUCKETS = 10_000  # then those that are full again are forgotten


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What is left of a bucket: requests, and seconds until it is full again."""

    limit: int
    remaining: int
    reset_s: float

    def headers(self) -> dict[str, str]:
        """As the fields of an answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.reset_s)),
        }


class RateLimiter:
    """Token buckets by name, each with room for a minute's requests, filled evenly. Thread-safe."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._clock = clock
        self._full_at: dict[str, float] = {}  # when each bucket is full again, by the clock
        self._guard = threading.Lock()

    def take(self, name: str) -> tuple[bool, Allowance]:
        """Whether one more request is allowed, and what is left. A refused one takes nothing."""
        every_s = MINUTE_S / self._limit
        now = self._clock()
        with self._guard:
            if len(self._full_at) >= MAX_BUCKETS:
                self._full_at = {one: full for one, full in self._full_at.items() if full > now}
            full_at = max(self._full_at.get(name, now), now)
            is_allowed = full_at + every_s <= now + MINUTE_S * (1 + 1e-9)
            if is_allowed:
                full_at += every_s
                self._full_at[name] = full_at
        remaining = math.floor((MINUTE_S - (full_at - now)) / every_s + 1e-6)
        return is_allowed, Allowance(limit=self._limit, remaining=max(0, remaining), reset_s=full_at - now)

    def demand(self, name: str) -> Allowance:
        """Take one. Raises RateLimited."""
        is_allowed, left = self.take(name)
        if not is_allowed:
            every_s = MINUTE_S / self._limit
            raise RateLimited(
                f"More than {self._limit} requests in a minute; slow down, or raise "
                "HEIMDEX_REQUESTS_PER_MINUTE.",
                retry_after_s=max(0.0, left.reset_s + every_s - MINUTE_S),
            )
        return left


class RateLimitHeaders:
    """Middleware: tells the caller what is left, whatever kind of answer it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            left = scope.get("state", {}).get("allowance")
            if message["type"] == "http.response.start" and isinstance(left, Allowance):
                MutableHeaders(scope=message).update(left.headers())
            await send(message)

        await self._app(scope, receive, send_with_headers)
