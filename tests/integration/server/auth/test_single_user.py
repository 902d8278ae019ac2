"""On this machine, while there are no users, nobody signs in; and nobody else gets in that way."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from heimdex.server.auth.set_up import set_up_notice
from tests.auth_kit import ADA, ELSEWHERE, HERE, LOCAL, House, make_app


@pytest.mark.parametrize(
    "url", [LOCAL, "http://localhost:8000", "http://[::1]:8000", "http://127.0.0.2", "http://LOCALHOST"]
)
def test_on_this_machine_everything_is_open_while_there_are_no_users(
    empty: House, owner: str, url: str
) -> None:
    local = empty.local(url)
    assert local.get("/api/v1/read").json()["owner"] == owner
    assert local.post("/api/v1/write").json() == {"owner": owner}
    assert local.get("/api/v1/admin").status_code == 200
    assert local.get("/api/v1/me").json()["by"] == "this machine"
    assert local.get("/api/v1/sign-in").json()["set_up"] is False


@pytest.mark.parametrize(
    ("url", "client"),
    [
        ("http://evil.example:8000", HERE),  # its name was bound to this machine's address (DNS rebinding)
        ("http://127.0.0.1.evil.example", HERE),
        ("http://localhost.evil.example", HERE),
        ("http://192.0.2.5:8000", HERE),
        (LOCAL, ELSEWHERE),  # a stranger who says the right name
        (LOCAL, ("", 0)),
        (LOCAL, ("testclient", 50_000)),
        (LOCAL, ("::ffff:203.0.113.7", 50_000)),
    ],
)
def test_other_names_and_other_machines_are_not_this_machine(
    empty: House, url: str, client: tuple[str, int]
) -> None:
    browser = empty.browser(url, client)
    assert browser.get("/api/v1/read").status_code == 401
    assert browser.post("/api/v1/write").status_code == 401
    assert browser.post("/api/v1/users", json={"name": "eve", "password": ADA}).status_code == 401


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-For", "203.0.113.7"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "localhost"),
        ("Via", "1.1 proxy"),
    ],
)
def test_what_came_through_a_proxy_is_not_of_this_machine(empty: House, name: str, value: str) -> None:
    assert empty.local().get("/api/v1/read", headers={name: value}).status_code == 401


def test_a_proxy_that_says_nothing_is_known_by_its_old_http(
    empty: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = empty.local()
    inner = local.app

    async def as_old_http(scope, receive, send):  # type: ignore[no-untyped-def]
        await inner({**scope, "http_version": "1.0"}, receive, send)

    monkeypatch.setattr(local._transport, "app", as_old_http)
    assert local.get("/api/v1/read").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ],
)
def test_pages_of_other_sites_neither_change_nor_read_anything(empty: House, headers: dict[str, str]) -> None:
    local = empty.local()
    assert local.post("/api/v1/write", headers=headers).status_code == 403
    assert local.get("/api/v1/read", headers=headers).status_code == 403


def test_a_link_from_another_site_may_be_followed(empty: House) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    local = empty.local()
    assert local.get("/api/v1/read", headers=headers).status_code == 200
    assert local.get("/api/v1/read", headers={**headers, "Sec-Fetch-Dest": "iframe"}).status_code == 403
    assert local.post("/api/v1/write", headers=headers).status_code == 403


def test_our_own_page_on_this_machine_may(empty: House) -> None:
    headers = {"Origin": LOCAL, "Sec-Fetch-Site": "same-origin"}
    assert empty.local().post("/api/v1/write", headers=headers).status_code == 200


def test_the_first_user_ends_it_and_is_an_admin_of_the_library(empty: House, owner: str) -> None:
    local = empty.local()
    made = local.post("/api/v1/users", json={"name": "ada", "password": ADA, "role": "member"})
    assert made.status_code == 201
    assert (made.json()["role"], made.json()["owner"]) == ("admin", owner)
    assert local.get("/api/v1/read").status_code == 401
    assert local.post("/api/v1/sign-in", json={"name": "ada", "password": ADA}).json()["owner"] == owner
    assert local.get("/api/v1/read").status_code == 200


def test_removing_the_last_user_opens_it_again(empty: House) -> None:
    user = empty.add("ada", ADA)
    assert empty.local().get("/api/v1/read").status_code == 401
    empty.heimdex.users.remove(user.user_id)
    assert empty.local().get("/api/v1/read").status_code == 200


@pytest.mark.parametrize(
    "change", [{"may_be_single": False}, {"trusted_proxies": (ip_network("127.0.0.1"),)}]
)
def test_a_server_for_others_is_never_open(empty: House, change: dict[str, object]) -> None:
    options = replace(empty.options, **change)  # type: ignore[arg-type]
    empty.app = make_app(empty.heimdex, options)
    assert empty.local().get("/api/v1/read").status_code == 401


def test_a_server_for_others_asks_to_be_set_up_until_it_is(empty: House) -> None:
    options = replace(empty.options, may_be_single=False)
    assert set_up_notice(empty.heimdex, empty.options) is None
    notice = set_up_notice(empty.heimdex, options)
    assert notice is not None
    token = next(word for word in notice.split() if word.startswith("setup_"))
    empty.app = make_app(empty.heimdex, options)
    answer = empty.browser().post("/api/v1/set-up", json={"name": "ada", "password": ADA, "token": token})
    assert answer.status_code == 201
    assert set_up_notice(empty.heimdex, options) is None


def test_a_wrong_key_is_refused_also_where_none_is_needed(empty: House) -> None:
    assert empty.local().get("/api/v1/read", headers={"X-API-Key": "hx_wrong"}).status_code == 401
    assert empty.local().get("/api/v1/read", headers={"Authorization": "Basic eDp5"}).status_code == 401
