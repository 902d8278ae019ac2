"""Signing in by name and password: sessions, cookies, CSRF, set-up."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from heimdex.store.tokens import token_hash
from tests.auth_kit import ADA, BOB, LOCAL, PUBLIC, House

SESSION, CSRF = "__Host-heimdex_session", "__Host-heimdex_csrf"


def sign_in(browser: TestClient, name: str, password: str, **headers: str) -> int:
    body = {"name": name, "password": password}
    return browser.post("/api/v1/sign-in", json=body, headers=headers).status_code


def test_a_session_shows_each_of_two_users_their_own_library(inhabited: House, owner: str) -> None:
    ada, bob = inhabited.signed_in("ada", ADA), inhabited.signed_in("bob", BOB)
    assert ada.get("/api/v1/read").json() == {
        "owner": owner,
        "name": "ada",
        "scopes": ["admin", "read", "write"],
    }
    told = bob.get("/api/v1/read").json()
    assert told["owner"] != owner
    assert told["scopes"] == ["read", "write"]
    assert ada.post("/api/v1/write").json() == {"owner": owner}
    assert bob.post("/api/v1/write").json() == {"owner": told["owner"]}


def test_who_is_not_signed_in_gets_nothing(inhabited: House) -> None:
    for browser in (inhabited.browser(), inhabited.local()):
        for answer in (
            browser.get("/api/v1/read"),
            browser.post("/api/v1/write"),
            browser.get("/api/v1/admin"),
            browser.get("/api/v1/me"),
            browser.get("/api/v1/users"),
            browser.get("/api/v1/keys"),
        ):
            assert answer.status_code == 401
            assert "Sign in first" in answer.json()["detail"]


def test_the_cookie_is_for_this_host_over_tls_and_out_of_scripts_reach(inhabited: House) -> None:
    answer = inhabited.browser().post("/api/v1/sign-in", json={"name": "ada", "password": ADA})
    session, csrf = answer.headers.get_list("set-cookie")
    assert session.startswith(f"{SESSION}=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=2592000"):
        assert part in session
    assert "Domain" not in session
    assert csrf.startswith(f"{CSRF}={answer.json()['csrf_token']};")
    assert "Secure" in csrf
    assert "HttpOnly" not in csrf
    assert answer.headers["cache-control"] == "no-store"


def test_on_this_machine_a_cookie_without_tls_will_do_and_elsewhere_it_will_not(inhabited: House) -> None:
    local = inhabited.local()
    assert sign_in(local, "ada", ADA) == 200
    assert set(local.cookies) == {"heimdex_session", "heimdex_csrf"}
    assert local.get("/api/v1/read").status_code == 200
    plain = inhabited.browser("http://nas.example:8000")
    answer = plain.post("/api/v1/sign-in", json={"name": "ada", "password": ADA})
    assert answer.status_code == 403
    assert "https" in answer.json()["detail"]
    assert not plain.cookies


def test_wrong_names_and_wrong_passwords_are_told_alike(inhabited: House) -> None:
    browser = inhabited.browser()
    answers = [
        browser.post("/api/v1/sign-in", json={"name": name, "password": password})
        for name, password in (("ada", "no, not that one"), ("nobody", ADA), ("ada", BOB))
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert not browser.cookies


def test_an_unknown_name_costs_as_much_work_as_a_wrong_password(
    inhabited: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = inhabited.heimdex.users.passwords
    done: list[str] = []
    verify = passwords._hasher.verify

    def counted(kept: str | bytes, given: str | bytes) -> bool:
        done.append(str(kept).rsplit("$", 2)[0])  # algorithm and parameters
        return verify(kept, given)

    monkeypatch.setattr(type(passwords._hasher), "verify", lambda _, kept, given: counted(kept, given))
    browser = inhabited.browser()
    assert sign_in(browser, "nobody", "whatever it may be") == 401
    assert sign_in(browser, "ada", "whatever it may be") == 401
    assert len(done) == 2
    assert done[0] == done[1]


def test_names_are_the_same_in_any_case_and_encoding(inhabited: House) -> None:
    inhabited.add("Zoë", "a password for Zoe")
    assert sign_in(inhabited.browser(), "ZOË", "a password for Zoe") == 200
    assert sign_in(inhabited.browser(), "zoe\u0308", "a password for Zoe") == 200


def test_each_sign_in_has_a_new_session_and_ends_the_one_before(inhabited: House) -> None:
    browser = inhabited.signed_in("ada", ADA)
    first = browser.cookies[SESSION]
    assert sign_in(browser, "ada", ADA) == 200
    assert browser.cookies[SESSION] != first
    thief = inhabited.browser()
    thief.cookies.set(SESSION, first)
    assert thief.get("/api/v1/read").status_code == 401
    assert browser.get("/api/v1/read").status_code == 200


def test_a_session_that_somebody_planted_is_not_taken_over(inhabited: House) -> None:
    browser = inhabited.browser()
    browser.cookies.set(SESSION, "planted" * 6)
    assert sign_in(browser, "ada", ADA) == 200
    planted = inhabited.browser()
    planted.cookies.set(SESSION, "planted" * 6)
    assert planted.get("/api/v1/read").status_code == 401


def test_sessions_are_stored_as_hashes(inhabited: House) -> None:
    browser = inhabited.signed_in("ada", ADA)
    with inhabited.heimdex.database.transaction(inhabited.options.owner) as connection:
        rows = connection.execute("SELECT token_hash, s::text FROM heimdex.app_session s").fetchall()
    assert [bytes(row[0]) for row in rows] == [token_hash(browser.cookies[SESSION])]
    assert browser.cookies[SESSION] not in rows[0][1]


def test_signing_out_ends_the_session_and_no_other(inhabited: House) -> None:
    one, other = inhabited.signed_in("ada", ADA), inhabited.signed_in("ada", ADA)
    kept = one.cookies[SESSION]
    assert one.post("/api/v1/sign-out").status_code == 204
    assert not one.cookies
    one.cookies.set(SESSION, kept)
    assert one.get("/api/v1/read").status_code == 401
    assert other.get("/api/v1/read").status_code == 200


def test_signing_out_everywhere_ends_all_of_that_user(inhabited: House) -> None:
    one, other = inhabited.signed_in("ada", ADA), inhabited.signed_in("ada", ADA)
    bob = inhabited.signed_in("bob", BOB)
    assert one.post("/api/v1/sign-out", json={"everywhere": True}).status_code == 204
    assert other.get("/api/v1/read").status_code == 401
    assert bob.get("/api/v1/read").status_code == 200


def test_signing_out_without_a_session_is_no_error(inhabited: House) -> None:
    browser = inhabited.browser()
    browser.cookies.set(SESSION, "long gone")
    assert browser.post("/api/v1/sign-out").status_code == 204


def test_another_password_signs_out_everywhere_but_here(inhabited: House) -> None:
    here, there = inhabited.signed_in("bob", BOB), inhabited.signed_in("bob", BOB)
    new = "another one, as long as needed"
    inhabited.secrets.append(new)
    wrong = here.put("/api/v1/me/password", json={"old": ADA, "new": new})
    assert wrong.status_code == 401
    short = here.put("/api/v1/me/password", json={"old": BOB, "new": "short"})
    assert short.status_code == 400
    assert there.get("/api/v1/read").status_code == 200
    answer = here.put("/api/v1/me/password", json={"old": BOB, "new": new})
    assert answer.status_code == 200
    assert there.get("/api/v1/read").status_code == 401
    assert here.get("/api/v1/read").status_code == 200
    here.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    assert here.post("/api/v1/write").status_code == 200
    assert sign_in(inhabited.browser(), "bob", BOB) == 401
    assert sign_in(inhabited.browser(), "bob", new) == 200


@pytest.mark.parametrize(
    ("column", "change"),
    [("expires_at", "now() - interval '1 second'"), ("seen_at", "now() - interval '8 days'")],
)
def test_a_session_ends_by_its_age_and_by_being_unused(
    inhabited: House, owner: str, column: str, change: str
) -> None:
    browser = inhabited.signed_in("ada", ADA)
    assert browser.get("/api/v1/read").status_code == 200
    with inhabited.heimdex.database.transaction(owner) as connection:
        connection.execute(f"UPDATE heimdex.app_session SET {column} = {change}")
    assert browser.get("/api/v1/read").status_code == 401


def test_using_a_session_keeps_it_from_ending_and_is_noted_once_a_minute(
    inhabited: House, owner: str
) -> None:
    browser = inhabited.signed_in("ada", ADA)
    with inhabited.heimdex.database.transaction(owner) as connection:
        connection.execute("UPDATE heimdex.app_session SET seen_at = now() - interval '6 days'")
    seen = []
    for _ in range(2):
        browser.get("/api/v1/read")
        with inhabited.heimdex.database.transaction(owner) as connection:
            row = connection.execute(
                "SELECT seen_at, seen_at > now() - interval '1 hour' FROM heimdex.app_session"
            ).fetchone()
        assert row is not None
        assert row[1]
        seen.append(row[0])
    assert seen[0] == seen[1]


def test_what_changes_something_needs_the_token_of_this_very_session(inhabited: House) -> None:
    ada, other = inhabited.signed_in("ada", ADA), inhabited.signed_in("ada", ADA)
    right = ada.headers.pop("X-CSRF-Token")
    assert ada.post("/api/v1/write").status_code == 403
    for wrong in ("", right[:-1], right.upper(), other.headers["X-CSRF-Token"], "é"):
        headers = {b"X-CSRF-Token": wrong.encode()}
        assert ada.post("/api/v1/write", headers=headers).status_code == 403
    for path, method in (
        ("/api/v1/keys", "POST"),
        ("/api/v1/users", "POST"),
        ("/api/v1/me/password", "PUT"),
        ("/api/v1/sign-out", "POST"),
    ):
        assert ada.request(method, path, json={}).status_code == 403
    assert ada.post("/api/v1/write", headers={"X-CSRF-Token": right}).status_code == 200
    assert ada.get("/api/v1/me").json()["csrf_token"] == right


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://heimdex.example"},
        {"Origin": "https://heimdex.example:8443"},
        {"Origin": "https://heimdex.example.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_changes_nothing_even_with_the_token(
    inhabited: House, headers: dict[str, str]
) -> None:
    ada = inhabited.signed_in("ada", ADA)
    assert ada.post("/api/v1/write", headers=headers).status_code == 403
    assert ada.post("/api/v1/sign-out", headers=headers).status_code == 403
    assert ada.get("/api/v1/read").status_code == 200
    stranger = inhabited.browser()
    assert sign_in(stranger, "ada", ADA, **headers) == 403
    assert not stranger.cookies


@pytest.mark.parametrize(
    "headers", [{"Origin": PUBLIC}, {"Origin": f"{PUBLIC}:443"}, {"Sec-Fetch-Site": "same-origin"}]
)
def test_our_own_page_may(inhabited: House, headers: dict[str, str]) -> None:
    ada = inhabited.signed_in("ada", ADA)
    assert ada.post("/api/v1/write", headers=headers).status_code == 200


def test_a_form_of_another_site_cannot_sign_in(inhabited: House) -> None:
    answer = inhabited.browser().post(
        "/api/v1/sign-in",
        content=f'{{"name": "ada", "password": "{ADA}"}}',
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 422


def test_wrong_bodies_are_told_of_without_repeating_them(inhabited: House) -> None:
    browser = inhabited.browser()
    for body in (
        {"name": "ada", "passwort": ADA},
        {"name": "ada", "password": [ADA]},
        {"name": "ada", "password": {"x": ADA}},
        {"name": "x" * 300, "password": ADA},
        {"name": ["ada"], "password": ADA, "more": ADA},
    ):
        answer = browser.post("/api/v1/sign-in", json=body)
        assert answer.status_code == 422
        assert ADA not in answer.text
        assert "password" in answer.text or "name" in answer.text


def test_set_up_needs_the_token_once_and_makes_an_admin_of_the_library(empty: House, owner: str) -> None:
    token = empty.heimdex.users.new_set_up_token()
    older, token = token, empty.heimdex.users.new_set_up_token()
    browser = empty.browser()
    assert browser.get("/api/v1/sign-in").json() == {
        "signed_in": False,
        "password": False,
        "set_up": True,
        "oidc": None,
    }
    body = {"name": "ada", "password": ADA}
    for wrong in ("setup_guess", older):
        assert browser.post("/api/v1/set-up", json={**body, "token": wrong}).status_code == 403
    weak = browser.post("/api/v1/set-up", json={"name": "ada", "password": "ada", "token": token})
    assert weak.status_code == 400
    answer = browser.post("/api/v1/set-up", json={**body, "token": token})
    assert answer.status_code == 201
    assert answer.json()["owner"] == owner
    assert answer.json()["scopes"] == ["admin", "read", "write"]
    assert browser.get("/api/v1/admin").status_code == 200
    again = empty.browser().post(
        "/api/v1/set-up", json={"name": "eve", "password": "eve's long password", "token": token}
    )
    assert again.status_code == 403
    assert [user.name for user in empty.heimdex.users.list()] == ["ada"]
    ways = browser.get("/api/v1/sign-in").json()
    assert ways == {"signed_in": True, "password": True, "set_up": False, "oidc": None}


def test_a_set_up_token_is_stored_as_a_hash_and_runs_out(empty: House, owner: str) -> None:
    token = empty.heimdex.users.new_set_up_token()
    with empty.heimdex.database.transaction(owner) as connection:
        row = connection.execute("SELECT token_hash, t::text FROM heimdex.set_up_token t").fetchone()
        connection.execute("UPDATE heimdex.set_up_token SET expires_at = now() - interval '1 second'")
    assert row is not None
    assert bytes(row[0]) == token_hash(token)
    assert token not in row[1]
    answer = empty.browser().post("/api/v1/set-up", json={"name": "ada", "password": ADA, "token": token})
    assert answer.status_code == 403


def test_a_page_on_another_port_of_this_machine_is_another_site(inhabited: House) -> None:
    local = inhabited.local()
    assert sign_in(local, "ada", ADA, Origin="http://127.0.0.1:3000") == 403
    assert sign_in(local, "ada", ADA, Origin=LOCAL) == 200
