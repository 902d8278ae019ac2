"""What stands before every route: a request id, a limit on the body, a limit on the time until an answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heimdex.server import request_ids
from heimdex.server.options import ServerOptions
from heimdex.server.problems import problem

log = logging.getLogger("heimdex.requests")

BodyLimit = Callable[[str, str], int | None]
"""How many bytes the body of a request (method, path) may have; None: the route sees to it itself."""

Answered = Callable[[Scope, int, float], None]
"""Told when an answer begins: to which request, with which status, and when that came (`perf_counter`)."""

_SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}


class Guards:
    """An ASGI middleware. Pure, so that streams pass unbuffered."""

    def __init__(
        self, app: ASGIApp, *, options: ServerOptions, body_limit: BodyLimit, answered: Answered
    ) -> None:
        self._app = app
        self._options = options
        self._body_limit = body_limit
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        exchange = _Exchange(scope, send, request_ids.take(headers.get(request_ids.HEADER)), self._answered)
        limit = self._body_limit(scope["method"], scope["path"])
        declared = headers.get("content-length", "")
        if limit is not None and declared.isdigit() and int(declared) > limit:
            await _too_large(limit)(scope, receive, exchange.send)
            return
        answering = asyncio.ensure_future(self._app(scope, _counted(receive, limit), exchange.send))
        try:
            await self._in_time(
                answering, exchange, None if limit is None else self._options.request_timeout_s
            )
        except TimeoutError:
            detail = f"No answer within {self._options.request_timeout_s:g} s; try again, or ask for less."
            answer = problem(HTTPStatus.GATEWAY_TIMEOUT, "Took too long", detail)
            await answer(scope, receive, exchange.send)

    async def _in_time(
        self, answering: asyncio.Future[None], exchange: _Exchange, timeout_s: float | None
    ) -> None:
        """Wait for the answer's beginning within the limit, then for its end however long it takes.

        None: a body without a limit takes its time, and the route sees to that too.
        """
        beginning = asyncio.ensure_future(exchange.begun.wait())
        try:
            await asyncio.wait(
                (answering, beginning),
                timeout=timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not answering.done() and not beginning.done():
                answering.cancel()
                raise TimeoutError
            await answering
        except asyncio.CancelledError:
            answering.cancel()
            raise
        finally:
            beginning.cancel()


class _Exchange:
    """One request and what was sent for it."""

    def __init__(self, scope: Scope, send: Send, identity: str, answered: Answered) -> None:
        self._scope, self._send, self._identity, self._answered = scope, send, identity, answered
        self._began_s = time.perf_counter()
        self.begun = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Pass a message on; the first gets our headers and a line in the log."""
        if message["type"] == "http.response.start":
            self.begun.set()
            self._answered(self._scope, message["status"], self._began_s)
            headers = MutableHeaders(scope=message)
            headers[request_ids.HEADER] = self._identity
            for name, value in _SAFETY.items():
                headers.setdefault(name, value)
            log.info(
                "%s %s %s",
                self._scope["method"],
                self._scope["path"],
                message["status"],
                extra=self._facts(message),
            )
        await self._send(message)

    def _facts(self, message: Message) -> dict[str, Any]:
        took_ms = round((time.perf_counter() - self._began_s) * 1000, 1)
        return {"request_id": self._identity, "status": message["status"], "took_ms": took_ms}


def _counted(receive: Receive, limit: int | None) -> Receive:
    """The body, until it is longer than it may be."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if limit is not None and seen > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _told(limit))
        return message

    return counted


def _too_large(limit: int) -> ASGIApp:
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large", _told(limit))


def _told(limit: int) -> str:
    return f"The body of this request may have {limit} bytes; large files go to /api/v1/uploads."
