"""Secrets stay where they belong: not in what is printed, not in what describes the interface."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from heimdex.app.keys import KeyWish
from heimdex.app.users import NewAccount
from heimdex.server.auth.options import OidcOptions
from heimdex.server.routes import keys, sign_in, users
from heimdex.store.users import NewUser
from tests.auth_kit import ADA, House, nothing_secret_is_logged


def test_nothing_secret_is_in_what_things_print_as(inhabited: House, owner: str) -> None:
    made, key = inhabited.heimdex.keys.create(owner, KeyWish(name="x"))
    facts = {name: getattr(made, name) for name in made.__slots__ if name != "user_id"}
    secret = SecretStr(ADA)
    printed = [
        NewAccount(name="x", password=ADA),
        NewUser(user_id="x", name="x", role="member", password_hash=ADA),
        OidcOptions(issuer="x", client_id="x", client_secret=ADA),
        sign_in.SignIn(name="x", password=secret),
        sign_in.SetUp(name="x", password=secret, token=SecretStr(key)),
        sign_in.NewPassword(old=secret, new=secret),
        users.NewUser(name="x", password=secret),
        users.UserChange(password=secret),
        keys.MadeKey(**facts, key=key),
        made,
        inhabited.heimdex.users.named("ada"),
        inhabited.heimdex.settings,
    ]
    for one in printed:
        assert ADA not in repr(one) + str(one)
        assert key not in repr(one) + str(one)


def test_the_proof_that_nothing_is_logged_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(AssertionError, match="long password"),
        nothing_secret_is_logged(monkeypatch),
    ):
        logging.getLogger("heimdex.server").info("signed in with %s", ADA)


def test_the_interface_describes_who_may_come_in_by_what(inhabited: House) -> None:
    told = inhabited.app.openapi()
    schemes = told["components"]["securitySchemes"]
    assert {scheme["type"] for scheme in schemes.values()} == {"http", "apiKey"}
    operations = [
        (path, operation)
        for path, methods in told["paths"].items()
        for operation in methods.values()
        if path.startswith("/api/v1/") and not path.endswith(("/read", "/write", "/admin"))
    ]
    names = [operation["operationId"] for _, operation in operations]
    assert len(set(names)) == len(names) == 16
    open_ones = {operation["operationId"] for _, operation in operations if not operation.get("security")}
    assert open_ones == {"ways_to_sign_in", "sign_in", "set_up", "sign_out", "begin_oidc", "finish_oidc"}
    assert all(operation["tags"] and operation["summary"] for _, operation in operations)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application behind a real server on this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", proxy_headers=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def test_through_a_real_server_a_browser_signs_in_and_out(
    empty: House, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the browser of this test itself logs of the cookies it gets is not ours.
    monkeypatch.setattr(logging.getLogger("httpcore2.http11"), "disabled", True)
    with served(empty.app) as url, httpx2.Client(base_url=url, headers={"Origin": url}) as browser:
        assert browser.get("/api/v1/read").json()["owner"] == owner  # nobody has to sign in yet
        empty.add("ada", ADA)
        assert browser.get("/api/v1/read").status_code == 401
        answer = browser.post("/api/v1/sign-in", json={"name": "ada", "password": ADA})
        assert answer.status_code == 200
        assert set(browser.cookies) == {"heimdex_session", "heimdex_csrf"}
        assert browser.get("/api/v1/read").json()["name"] == "ada"
        assert browser.post("/api/v1/write").status_code == 403
        token = {"X-CSRF-Token": browser.cookies["heimdex_csrf"]}
        assert browser.post("/api/v1/write", headers=token).status_code == 200
        assert browser.post("/api/v1/sign-out", headers=token).status_code == 204
        assert not browser.cookies
        assert browser.get("/api/v1/read").status_code == 401
        rebound = {"Host": "evil.example"}
        empty.heimdex.users.remove(empty.heimdex.users.named("ada").user_id)
        assert browser.get("/api/v1/read", headers=rebound).status_code == 401
        assert browser.get("/api/v1/read").status_code == 200
