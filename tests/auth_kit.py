"""A small application with the routes of signing in, and browsers and programs that call it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from argon2 import Parameters, Type
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from heimdex.app import Heimdex
from heimdex.app.users import NewAccount
from heimdex.errors import (
    HeimdexError,
    NotAllowed,
    NotFound,
    NotSignedIn,
    ProviderUnavailable,
    RateLimited,
    UsageError,
)
from heimdex.server.auth.caller import AdminCaller, ReadCaller, WriteCaller
from heimdex.server.auth.limits import RateLimitHeaders
from heimdex.server.auth.options import AuthOptions
from heimdex.server.routes import keys, sign_in, users
from heimdex.store.users import User

ADA, BOB = "ada's long password 1", "bob's long password 2"
PUBLIC = "https://heimdex.example"
LOCAL = "http://127.0.0.1:8000"
ELSEWHERE = ("203.0.113.7", 50_000)
HERE = ("127.0.0.1", 50_000)
QUICK = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)
STATUS: dict[type[HeimdexError], int] = {
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    RateLimited: 429,
    UsageError: 400,
    ProviderUnavailable: 503,
}


@dataclass(kw_only=True)
class House:
    """An installation and its server."""

    heimdex: Heimdex
    app: FastAPI
    options: AuthOptions
    portal: BlockingPortal
    secrets: list[str] = field(default_factory=list)

    def browser(self, url: str = PUBLIC, client: tuple[str, int] = ELSEWHERE) -> TestClient:
        """Somebody's browser, with cookies of its own."""
        made = TestClient(self.app, base_url=url, client=client, follow_redirects=False)
        made.portal = self.portal  # one event loop for all: making one takes longer than a request
        return made

    def local(self, url: str = LOCAL, client: tuple[str, int] = HERE) -> TestClient:
        """Somebody on the server's machine."""
        return self.browser(url, client)

    def program(self, key: str) -> TestClient:
        """A program with a key."""
        made = self.browser()
        made.headers["Authorization"] = f"Bearer {key}"
        return made

    def add(self, name: str, password: str | None = None, **given: Any) -> User:
        """A user."""
        return self.heimdex.users.add(NewAccount(name=name, password=password, **given))

    def signed_in(self, name: str, password: str) -> TestClient:
        """A browser in which somebody is signed in, whose page sends the CSRF token."""
        browser = self.browser()
        answer = browser.post("/api/v1/sign-in", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        browser.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return browser


def make_app(heimdex: Heimdex, options: AuthOptions) -> FastAPI:
    """The routes, and three more that tell who asks."""
    app = FastAPI()
    app.state.heimdex, app.state.auth = heimdex, options
    for router in (sign_in.router, users.router, keys.router):
        app.include_router(router)
    app.add_middleware(RateLimitHeaders)

    @app.get("/api/v1/read")
    def read(who: ReadCaller) -> dict[str, Any]:
        return {"owner": who.owner, "name": who.name, "scopes": sorted(who.scopes)}

    @app.post("/api/v1/write")
    def write(who: WriteCaller) -> dict[str, Any]:
        return {"owner": who.owner}

    @app.get("/api/v1/admin")
    def admin(who: AdminCaller) -> dict[str, Any]:
        return {"owner": who.owner}

    @app.exception_handler(HeimdexError)
    def told(_: Request, error: HeimdexError) -> JSONResponse:
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, RateLimited) else None
        return JSONResponse({"detail": str(error)}, status, headers)

    @app.exception_handler(RequestValidationError)
    def wrong(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": repr(error.errors()), "body": repr(error.body)}, 422)

    return app


class Listener(logging.Handler):
    """Keeps everything that is logged, tracebacks too."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record) + repr(record.args))


@contextmanager
def nothing_secret_is_logged(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fails at the end if a password, key, token or session made meanwhile stands in a log.

    Gives the list of secrets, for more to be added.
    """
    known = [ADA, BOB]
    make = secrets.token_urlsafe

    def made(count: int | None = None) -> str:
        known.append(make(count))
        return known[-1]

    patch.setattr(secrets, "token_urlsafe", made)
    listener, loggers = Listener(), [logging.getLogger(), logging.getLogger("heimdex")]
    before = [(one, one.level) for one in loggers]
    for one in loggers:
        one.addHandler(listener)
        one.setLevel(logging.DEBUG)
    try:
        yield known
    finally:
        for one, level in before:
            one.removeHandler(listener)
            one.setLevel(level)
    told = "\n".join(listener.lines)
    logged = [secret for secret in known if secret in told]
    assert not logged, f"logged: {logged}"
