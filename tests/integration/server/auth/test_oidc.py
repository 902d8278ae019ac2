"""Signing in at an OpenID Connect provider, a good one and bad ones."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.testclient import TestClient

from heimdex.server.auth.options import AuthOptions, OidcOptions
from tests.auth_kit import ADA, BOB, PUBLIC, House, make_app
from tests.oidc_stub import CLIENT, SECRET, OidcStub, oidc_stub, signing_key

START, CALLBACK = "/api/v1/sign-in/oidc", "/api/v1/sign-in/oidc/callback"


@pytest.fixture
def provider() -> Iterator[OidcStub]:
    with oidc_stub() as stub:
        yield stub


@pytest.fixture
def joined(inhabited: House, provider: OidcStub) -> House:
    """Ada's and Bob's installation, which lets everybody in whom the provider knows."""
    set_options(inhabited, provider)
    inhabited.secrets += [SECRET]
    inhabited.secrets += provider.tokens
    return inhabited


def set_options(house: House, provider: OidcStub, **changes: Any) -> None:
    given = {"email_domains": frozenset({"*"})} | changes
    oidc = OidcOptions(issuer=provider.url, client_id=CLIENT, client_secret=SECRET, **given)
    options: AuthOptions = replace(house.options, public_url=PUBLIC, oidc=oidc, may_be_single=False)
    house.app = make_app(house.heimdex, options)


def come_back(house: House, provider: OidcStub) -> tuple[TestClient, Any]:
    """A browser that went there and came back, and what it got."""
    browser = house.browser()
    start = browser.get(START)
    assert start.status_code == 303, start.text
    answer = browser.get(CALLBACK, params=provider.authorize(start.headers["location"]))
    house.secrets += provider.tokens
    return browser, answer


def test_who_comes_the_first_time_is_made_a_member_with_a_library_of_their_own(
    joined: House, provider: OidcStub
) -> None:
    browser, answer = come_back(joined, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    me = browser.get("/api/v1/me").json()
    assert (me["name"], me["scopes"], me["by"]) == ("carol", ["read", "write"], "session")
    owners = {user.name: user.owner for user in joined.heimdex.users.list()}
    assert owners["carol"] == me["owner"]
    assert len(set(owners.values())) == 3
    assert browser.post("/api/v1/write", headers={"X-CSRF-Token": me["csrf_token"]}).status_code == 200


def test_who_comes_again_is_the_same_user_whatever_the_name_is_then(
    joined: House, provider: OidcStub
) -> None:
    first = come_back(joined, provider)[0].get("/api/v1/me").json()
    provider.claims["preferred_username"] = "caroline"
    again = come_back(joined, provider)[0].get("/api/v1/me").json()
    assert again["user_id"] == first["user_id"]
    assert len(joined.heimdex.users.list()) == 3


def test_the_browser_is_sent_with_state_nonce_and_challenge_and_keeps_their_secret(
    joined: House, provider: OidcStub
) -> None:
    browser = joined.browser()
    start = browser.get(START)
    assert start.headers["location"].startswith(f"{provider.url}/authorize?")
    provider.authorize(start.headers["location"])
    asked = next(iter(provider.codes.values()))
    assert asked["redirect_uri"] == PUBLIC + CALLBACK
    assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
    assert asked["code_challenge_method"] == "S256"
    cookie = start.headers["set-cookie"]
    for part in ("__Host-heimdex_oidc=", "HttpOnly", "Secure", "SameSite=lax"):
        assert part in cookie
    secret = browser.cookies["__Host-heimdex_oidc"]
    assert secret not in start.headers["location"]
    assert len({secret, asked["state"], asked["nonce"], asked["code_challenge"]}) == 4


def other_key(_: OidcStub, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, signing_key("another"))


def unsigned(_: OidcStub, claims: dict[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "kid": "one"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), ""])


def by_the_public_key(stub: OidcStub, claims: dict[str, Any]) -> str:
    """An HMAC whose secret is what everybody knows: the public key."""
    key = OctKey.import_key(base64.b64encode(stub.key.as_pem(private=False)).decode())
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, key, algorithms=["HS256"])


def by_the_client_secret(_: OidcStub, claims: dict[str, Any]) -> str:
    key = OctKey.import_key(SECRET)
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, key, algorithms=["HS256"])


def tampered(stub: OidcStub, claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode({"alg": "RS256", "kid": "one"}, claims, stub.key).split(".")
    body = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "u-2"}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{signature}"


def test_an_id_token_that_the_provider_did_not_sign_lets_nobody_in(joined: House, provider: OidcStub) -> None:
    signers = (other_key, unsigned, by_the_public_key, by_the_client_secret, tampered, lambda *_: "no.to.ken")
    for sign in signers:
        provider.sign = sign
        refused(joined, provider)


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.pop(name)


def having(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update(values)


WRONG_CLAIMS = (
    having(nonce="of another sign-in"),
    without("nonce"),
    having(aud="another-client"),
    having(aud=[]),
    without("aud"),
    having(aud=[CLIENT, "another-client"]),  # and no azp
    having(aud=[CLIENT, "another-client"], azp="another-client"),
    having(exp=int(time.time()) - 3600),
    without("exp"),
    having(iat=int(time.time()) + 3600),
    having(nbf=int(time.time()) + 3600),
    having(iss="https://other.example"),
    without("iss"),
    without("sub"),
    having(sub=""),
    having(sub=7),
    having(sub="u\x00"),
    having(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
)


def test_an_id_token_that_is_not_for_us_now_lets_nobody_in(joined: House, provider: OidcStub) -> None:
    for change in WRONG_CLAIMS:
        provider.change = change
        refused(joined, provider)


def refused(house: House, provider: OidcStub) -> None:
    before = len(provider.tokens)
    browser, answer = come_back(house, provider)
    assert answer.status_code == 401
    assert browser.get("/api/v1/me").status_code == 401
    assert len(house.heimdex.users.list()) == 2
    assert len(provider.tokens) == before + 1  # it did come to that


@pytest.mark.parametrize(
    "change",
    [
        {"state": "0" * 64},
        {"state": ""},
        {"state": "é"},
        {"iss": "https://other.example"},
        {"code": ""},
        {"code": "of somebody else"},
        {"error": "access_denied"},
    ],
)
def test_an_answer_that_is_not_to_this_browser_lets_nobody_in(
    joined: House, provider: OidcStub, change: dict[str, str]
) -> None:
    browser = joined.browser()
    answer = provider.authorize(browser.get(START).headers["location"])
    assert browser.get(CALLBACK, params={**answer, **change}).status_code == 401
    assert browser.get("/api/v1/me").status_code == 401
    assert not provider.tokens


def test_a_browser_that_did_not_begin_cannot_finish(joined: House, provider: OidcStub) -> None:
    answer = provider.authorize(joined.browser().get(START).headers["location"])
    assert joined.browser().get(CALLBACK, params=answer).status_code == 401
    other = joined.browser()
    other.get(START)
    assert other.get(CALLBACK, params=answer).status_code == 401
    assert not provider.tokens


def test_coming_back_twice_works_once(joined: House, provider: OidcStub) -> None:
    browser = joined.browser()
    answer = provider.authorize(browser.get(START).headers["location"])
    assert browser.get(CALLBACK, params=answer).status_code == 303
    assert browser.get(CALLBACK, params=answer).status_code == 401


def test_a_name_that_somebody_has_already_does_not_take_their_account(
    joined: House, provider: OidcStub
) -> None:
    provider.claims |= {"preferred_username": "ada", "email": "ada@film.example", "email_verified": True}
    me = come_back(joined, provider)[0].get("/api/v1/me").json()
    ada = joined.heimdex.users.named("ada")
    assert me["user_id"] != ada.user_id
    assert me["owner"] != ada.owner
    assert me["name"].startswith("ada ")
    assert "admin" not in me["scopes"]


def test_a_name_that_cannot_be_one_does_not_keep_anybody_out(joined: House, provider: OidcStub) -> None:
    provider.claims["preferred_username"] = "\u202egnorw\n" + "x" * 300
    name = come_back(joined, provider)[0].get("/api/v1/me").json()["name"]
    assert name.isprintable()
    assert len(name) <= 200


@pytest.mark.parametrize(
    ("claims", "comes_in"),
    [
        ({"email": "carol@film.example", "email_verified": True}, True),
        ({"email": "carol@FILM.example", "email_verified": "true"}, True),
        ({"email": "carol@film.example", "email_verified": False}, False),
        ({"email": "carol@film.example"}, False),
        ({"email": "carol@evil.example", "email_verified": True}, False),
        ({"email": "carol@film.example@evil.example", "email_verified": True}, False),
        ({"email": "carol@sub.film.example", "email_verified": True}, False),
        ({"email": ["carol@film.example"], "email_verified": True}, False),
        ({}, False),
    ],
)
def test_only_verified_addresses_of_the_named_domains_come_in(
    joined: House, provider: OidcStub, claims: dict[str, Any], comes_in: bool
) -> None:
    set_options(joined, provider, email_domains=frozenset({"film.example"}))
    provider.claims |= claims
    assert come_back(joined, provider)[1].status_code == (303 if comes_in else 403)
    assert len(joined.heimdex.users.list()) == (3 if comes_in else 2)


@pytest.mark.parametrize(
    ("groups", "comes_in"),
    [(["film", "all"], True), ("film", True), (["films"], False), ("films", False), (None, False)],
)
def test_only_those_with_the_named_claim_come_in(
    joined: House, provider: OidcStub, groups: Any, comes_in: bool
) -> None:
    set_options(joined, provider, email_domains=frozenset(), claim=("groups", "film"))
    provider.claims["groups"] = groups
    assert come_back(joined, provider)[1].status_code == (303 if comes_in else 403)


def test_who_is_taken_off_the_list_does_not_come_in_again(joined: House, provider: OidcStub) -> None:
    set_options(joined, provider, email_domains=frozenset(), claim=("groups", "film"))
    provider.claims["groups"] = ["film"]
    assert come_back(joined, provider)[1].status_code == 303
    provider.claims["groups"] = ["none"]
    assert come_back(joined, provider)[1].status_code == 403


def test_what_the_id_token_lacks_is_asked_for_and_must_be_of_the_same_person(
    joined: House, provider: OidcStub
) -> None:
    set_options(joined, provider, email_domains=frozenset({"film.example"}))
    provider.userinfo = {"sub": "u-2", "email": "carol@film.example", "email_verified": True}
    assert come_back(joined, provider)[1].status_code == 401
    provider.userinfo["sub"] = "u-1"
    assert come_back(joined, provider)[1].status_code == 303
    assert "/userinfo" in provider.asked


def test_who_is_shut_out_stays_out(joined: House, provider: OidcStub) -> None:
    browser, _ = come_back(joined, provider)
    joined.heimdex.users.change(joined.heimdex.users.named("carol").user_id, is_active=False)
    assert browser.get("/api/v1/me").status_code == 401
    assert come_back(joined, provider)[1].status_code == 403


def test_who_comes_from_the_provider_has_no_password_to_guess(joined: House, provider: OidcStub) -> None:
    come_back(joined, provider)
    for password in ("", "nobody has this password", BOB):
        answer = joined.browser().post("/api/v1/sign-in", json={"name": "carol", "password": password})
        assert answer.status_code in (401, 422)


def test_new_users_share_the_library_where_that_is_set(joined: House, provider: OidcStub) -> None:
    set_options(joined, provider, library=joined.options.owner)
    me = come_back(joined, provider)[0].get("/api/v1/me").json()
    assert me["owner"] == joined.options.owner


def test_nobody_from_there_is_the_first_user(empty: House, provider: OidcStub) -> None:
    set_options(empty, provider)
    assert come_back(empty, provider)[1].status_code == 403
    assert empty.heimdex.users.list() == []


def test_a_new_key_of_the_provider_is_asked_for_but_not_at_every_token(
    joined: House, provider: OidcStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_back(joined, provider)
    provider.key = signing_key("two")
    provider.sign = lambda stub, claims: jwt.encode({"alg": "RS256", "kid": "two"}, claims, stub.key)
    assert come_back(joined, provider)[1].status_code == 401  # asked less than a minute ago
    assert provider.asked.count("/keys") == 1
    gate = joined.app.state.gate.provider
    monkeypatch.setattr(gate, "_clock", lambda: time.monotonic() + 61)
    assert come_back(joined, provider)[1].status_code == 303
    assert provider.asked.count("/keys") == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_a_provider_that_makes_no_sense_is_not_gone_to(
    joined: House, provider: OidcStub, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    assert joined.browser().get(START).status_code == 503


def test_a_provider_that_fails_is_told_of_and_asked_again_later(joined: House, provider: OidcStub) -> None:
    provider.status = 500
    assert joined.browser().get(START).status_code == 503
    provider.status = 200
    browser = joined.browser()
    answer = provider.authorize(browser.get(START).headers["location"])
    provider.status = 502
    assert browser.get(CALLBACK, params=answer).status_code == 503
    provider.status = 200
    assert come_back(joined, provider)[1].status_code == 303


def test_without_a_provider_there_is_no_such_way(inhabited: House) -> None:
    browser = inhabited.browser()
    assert browser.get(START).status_code == 404
    assert browser.get(CALLBACK, params={"code": "x", "state": "y"}).status_code == 404
    assert browser.get("/api/v1/sign-in").json()["oidc"] is None
    assert browser.post("/api/v1/sign-in", json={"name": "ada", "password": ADA}).status_code == 200


def test_made_up_codes_are_not_carried_to_the_provider_without_end(joined: House, provider: OidcStub) -> None:
    browser = joined.browser()
    answer = provider.authorize(browser.get(START).headers["location"])
    made_up = {**answer, "code": "made up"}
    codes = [browser.get(CALLBACK, params=made_up).status_code for _ in range(21)]
    assert codes == [401] * 20 + [429]
