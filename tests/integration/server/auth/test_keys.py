"""Keys of programs: made once, scoped, revoked; everybody's own."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from starlette.testclient import TestClient

from heimdex.app import keys
from heimdex.app.keys import KeyWish
from heimdex.store.tokens import token_hash
from tests.auth_kit import ADA, BOB, House


def make(browser: TestClient, *scopes: str, **given: Any) -> dict[str, Any]:
    body = {"name": "editing room", "scopes": list(scopes) or ["read"], **given}
    answer = browser.post("/api/v1/keys", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


def test_a_key_shows_the_library_of_who_made_it(inhabited: House, owner: str) -> None:
    keys = [make(inhabited.signed_in(*who))["key"] for who in (("ada", ADA), ("bob", BOB))]
    owners = [inhabited.program(key).get("/api/v1/read").json()["owner"] for key in keys]
    assert owners[0] == owner
    assert owners[1] == inhabited.heimdex.users.named("bob").owner
    assert len(set(owners)) == 2


def test_a_key_comes_in_either_header_and_needs_no_csrf_token(inhabited: House) -> None:
    key = make(inhabited.signed_in("bob", BOB), "read", "write")["key"]
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key}"},
        {"X-API-Key": key},
    ):
        assert inhabited.browser().post("/api/v1/write", headers=headers).status_code == 200
        evil = {**headers, "Origin": "https://evil.example"}  # it cannot have the key unless it was given it
        assert inhabited.browser().post("/api/v1/write", headers=evil).status_code == 200


def test_a_key_does_what_its_scopes_say_and_no_more(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    scopes = ("read", "write", "admin")
    for count in (1, 2, 3):
        for chosen in itertools.combinations(scopes, count):
            program = inhabited.program(make(ada, *chosen)["key"])
            answers = (
                program.get("/api/v1/read"),
                program.post("/api/v1/write"),
                program.get("/api/v1/admin"),
            )
            done = {scope for scope, answer in zip(scopes, answers, strict=True) if answer.status_code == 200}
            assert done == set(chosen)
            assert {answer.status_code for answer in answers} <= {200, 403}


def test_a_key_never_does_more_than_its_user_may(inhabited: House) -> None:
    bob = inhabited.signed_in("bob", BOB)
    beyond = bob.post("/api/v1/keys", json={"name": "x", "scopes": ["read", "admin"]})
    assert beyond.status_code == 403
    user = inhabited.heimdex.users.named("bob")
    inhabited.heimdex.users.change(user.user_id, role="admin")
    program = inhabited.program(make(bob, "read", "admin")["key"])
    assert program.get("/api/v1/admin").status_code == 200
    inhabited.heimdex.users.change(user.user_id, role="member")
    assert program.get("/api/v1/admin").status_code == 403
    assert program.get("/api/v1/read").status_code == 200
    inhabited.heimdex.users.change(user.user_id, is_active=False)
    assert program.get("/api/v1/read").status_code == 401
    inhabited.heimdex.users.change(user.user_id, is_active=True)
    inhabited.heimdex.users.remove(user.user_id)
    assert program.get("/api/v1/read").status_code == 401


def test_a_revoked_key_is_refused_at_once_and_stays_on_the_list(inhabited: House) -> None:
    bob = inhabited.signed_in("bob", BOB)
    made, other = make(bob), make(bob)
    program = inhabited.program(made["key"])
    assert program.get("/api/v1/read").status_code == 200
    assert bob.delete(f"/api/v1/keys/{made['key_id']}").status_code == 204
    assert program.get("/api/v1/read").status_code == 401
    assert inhabited.program(other["key"]).get("/api/v1/read").status_code == 200
    listed = bob.get("/api/v1/keys").json()["keys"]
    assert [key["key_id"] for key in listed] == [other["key_id"], made["key_id"]]
    assert [key["revoked_at"] is None for key in listed] == [True, False]


def test_a_key_runs_out(inhabited: House) -> None:
    bob = inhabited.signed_in("bob", BOB)
    made = make(bob, days=1)
    program = inhabited.program(made["key"])
    assert program.get("/api/v1/read").status_code == 200
    owner = inhabited.heimdex.users.named("bob").owner
    with inhabited.heimdex.database.transaction(owner) as connection:
        connection.execute("UPDATE heimdex.api_key SET expires_at = now()")
    assert program.get("/api/v1/read").status_code == 401
    for days in (0, -1, 1e9, "NaN"):
        assert bob.post("/api/v1/keys", json={"name": "x", "days": days}).status_code == 422


def test_keys_are_shown_once_and_stored_as_hashes(inhabited: House) -> None:
    bob = inhabited.signed_in("bob", BOB)
    key = make(bob)["key"]
    assert key.startswith("hx_")
    assert len(key) == 46
    listed = bob.get("/api/v1/keys")
    assert key not in listed.text
    assert listed.json()["keys"][0]["hint"] == key[:8]
    owner = inhabited.heimdex.users.named("bob").owner
    with inhabited.heimdex.database.transaction(owner) as connection:
        row = connection.execute("SELECT key_hash, k::text FROM heimdex.api_key k").fetchone()
    assert row is not None
    assert bytes(row[0]) == token_hash(key)
    assert key not in row[1]


def test_the_last_use_of_a_key_is_noted_once_a_minute(inhabited: House) -> None:
    bob = inhabited.signed_in("bob", BOB)
    program = inhabited.program(make(bob)["key"])
    owner = inhabited.heimdex.users.named("bob").owner

    def used_at() -> str | None:
        found: str | None = bob.get("/api/v1/keys").json()["keys"][0]["used_at"]
        return found

    assert used_at() is None
    program.get("/api/v1/read")
    first = used_at()
    assert first is not None
    program.get("/api/v1/read")
    assert used_at() == first
    with inhabited.heimdex.database.transaction(owner) as connection:
        connection.execute("UPDATE heimdex.api_key SET used_at = used_at - interval '61 seconds'")
    program.get("/api/v1/read")
    assert (used_at() or "") > first


def test_nobody_sees_or_revokes_the_keys_of_another(inhabited: House) -> None:
    ada, bob = inhabited.signed_in("ada", ADA), inhabited.signed_in("bob", BOB)
    inhabited.add("mate", "a password for mate", owner=inhabited.heimdex.users.named("bob").owner)
    mate = inhabited.signed_in("mate", "a password for mate")  # in Bob's library
    made = make(bob)
    for other in (ada, mate):
        assert other.get("/api/v1/keys").json() == {"keys": []}
        assert other.delete(f"/api/v1/keys/{made['key_id']}").status_code == 404
    assert inhabited.program(made["key"]).get("/api/v1/read").status_code == 200
    for nothing in ("nonsense", "00000000-0000-7000-8000-000000000009", "%00", "%7B" + "0" * 32 + "%7D"):
        assert bob.delete(f"/api/v1/keys/{nothing}").status_code == 404
    assert bob.delete(f"/api/v1/keys/urn:uuid:{made['key_id'].upper()}").status_code == 204


def test_a_key_makes_no_keys_but_may_revoke_itself(inhabited: House) -> None:
    made = make(inhabited.signed_in("bob", BOB), "read", "write")
    other = make(inhabited.signed_in("bob", BOB))
    program = inhabited.program(made["key"])
    assert program.post("/api/v1/keys", json={"name": "child"}).status_code == 403
    assert program.delete(f"/api/v1/keys/{other['key_id']}").status_code == 403
    assert program.put("/api/v1/me/password", json={"old": BOB, "new": BOB * 2}).status_code == 403
    assert program.delete(f"/api/v1/keys/{made['key_id']}").status_code == 204
    assert program.get("/api/v1/read").status_code == 401
    admin = inhabited.program(make(inhabited.signed_in("ada", ADA), "read", "admin")["key"])
    assert make(admin, "read")["scopes"] == ["read"]
    assert admin.post("/api/v1/keys", json={"name": "x", "scopes": ["write"]}).status_code == 403


def test_wrong_keys_are_refused_and_no_session_makes_up_for_them(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    key = make(ada)["key"]
    for given in (
        "Bearer hx_wrong",
        f"Bearer {key[:-1]}",
        f"Bearer {key}x",
        f"Bearer {key.swapcase()}",
        f"Bearer {key[3:]}",
        "Bearer ",
        "Bearer",
        f"Basic {key}",
        key,
        "Bearer hx_" + "é" * 43,
    ):
        headers = {b"Authorization": given.encode()}
        assert ada.get("/api/v1/read", headers=headers).status_code == 401, given
    assert ada.get("/api/v1/read").status_code == 200


def test_a_session_or_set_up_token_is_no_key(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    session = ada.cookies["__Host-heimdex_session"]
    assert inhabited.program(session).get("/api/v1/read").status_code == 401
    assert inhabited.program(f"hx_{session}").get("/api/v1/read").status_code == 401


def test_the_librarys_own_key_works_with_and_without_users(empty: House, owner: str) -> None:
    _, key = empty.heimdex.keys.create(owner, KeyWish(name="cron", scopes=("read", "admin")))
    program = empty.program(key)
    told = program.get("/api/v1/read").json()
    assert (told["owner"], told["scopes"]) == (owner, ["admin", "read"])
    assert program.get("/api/v1/me").json()["user_id"] is None
    empty.add("ada", ADA)
    assert program.get("/api/v1/admin").status_code == 200
    assert empty.signed_in("ada", ADA).get("/api/v1/keys").json() == {"keys": []}


def test_nobody_makes_keys_without_end(inhabited: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST_KEYS", 2)
    bob = inhabited.signed_in("bob", BOB)
    made = [bob.post("/api/v1/keys", json={"name": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in made] == [201, 201, 400]
    assert bob.delete(f"/api/v1/keys/{made[0].json()['key_id']}").status_code == 204
    assert bob.post("/api/v1/keys", json={"name": "x"}).status_code == 201
