"""Users, as admins see them."""

from __future__ import annotations

from typing import Any

import pytest

from heimdex.errors import UsageError
from tests.auth_kit import ADA, BOB, House

EVE = "eve's long password 3"


def body(name: str = "eve", **given: Any) -> dict[str, Any]:
    return {"name": name, "password": EVE, **given}


def test_an_admin_makes_lists_changes_and_removes_users(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    made = ada.post("/api/v1/users", json=body(" Eve  Evans "))
    assert made.status_code == 201
    eve = made.json()
    assert (eve["name"], eve["role"], eve["is_active"], eve["signed_in_at"]) == (
        "Eve Evans",
        "member",
        True,
        None,
    )
    assert "password" not in "".join(eve).replace("has_password", "")
    assert [user["name"] for user in ada.get("/api/v1/users").json()["users"]] == ["ada", "bob", "Eve Evans"]
    browser = inhabited.signed_in("eve evans", EVE)
    shown = ada.get(f"/api/v1/users/{eve['user_id']}").json()
    assert shown["signed_in_at"] is not None
    changed = ada.patch(f"/api/v1/users/{eve['user_id']}", json={"role": "admin"})
    assert changed.json()["role"] == "admin"
    assert browser.get("/api/v1/admin").status_code == 200
    assert ada.delete(f"/api/v1/users/{eve['user_id']}").status_code == 204
    assert browser.get("/api/v1/read").status_code == 401
    assert ada.get(f"/api/v1/users/{eve['user_id']}").status_code == 404


def test_a_member_may_do_nothing_of_the_sort(inhabited: House) -> None:
    bob = inhabited.signed_in("bob", BOB)
    users = {user.name: user.user_id for user in inhabited.heimdex.users.list()}
    for user_id in users.values():
        path = f"/api/v1/users/{user_id}"
        assert bob.get(path).status_code == 403
        assert bob.patch(path, json={"role": "admin"}).status_code == 403
        assert bob.patch(path, json={"password": EVE}).status_code == 403
        assert bob.delete(path).status_code == 403
    assert bob.get("/api/v1/users").status_code == 403
    assert bob.post("/api/v1/users", json=body()).status_code == 403
    assert [user.role for user in inhabited.heimdex.users.list()] == ["admin", "member"]


def test_users_share_a_library_or_have_one_of_their_own(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    bob = inhabited.heimdex.users.named("bob")
    mate = ada.post("/api/v1/users", json=body("mate", shares_with=bob.user_id)).json()
    alone = ada.post("/api/v1/users", json=body("alone")).json()
    assert mate["owner"] == bob.owner
    assert len({user.owner for user in inhabited.heimdex.users.list()}) == 3
    assert inhabited.signed_in("mate", EVE).get("/api/v1/read").json()["owner"] == bob.owner
    assert inhabited.signed_in("alone", EVE).get("/api/v1/read").json()["owner"] == alone["owner"]
    nobody = "00000000-0000-7000-8000-000000000009"
    assert ada.post("/api/v1/users", json=body("x", shares_with=nobody)).status_code == 404


def test_a_name_is_had_once_in_the_whole_installation(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    for taken in ("bob", "BOB", " bob ", "ｂｏｂ"):
        answer = ada.post("/api/v1/users", json=body(taken))
        assert answer.status_code == 400
        assert "taken" in answer.json()["detail"]
    for none in ("", "   ", "a\x00b", "\u202eada", "x" * 201):
        assert ada.post("/api/v1/users", json=body(none)).status_code in (400, 422)
    assert len(inhabited.heimdex.users.list()) == 2


def test_weak_passwords_are_refused_with_the_reason(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    long = "some body of an installation"
    for name, password, reason in (
        ("eve", "short", "15 characters"),
        ("eve", "              ", "15 characters"),
        (long, long, "is the name"),
        (long, long.upper(), "is the name"),
        ("eve", "eve" * 6, "is the name"),
        ("eve", "abcabcabcabcabcabc", "repeats"),
        ("eve", "123456789012345", "repeats"),
    ):
        answer = ada.post("/api/v1/users", json={"name": name, "password": password})
        assert answer.status_code == 400, password
        assert reason in answer.json()["detail"]
    assert ada.post("/api/v1/users", json={"name": "eve", "password": "x" * 1025}).status_code == 422


def test_a_new_password_by_an_admin_signs_the_user_out(inhabited: House) -> None:
    ada, bob = inhabited.signed_in("ada", ADA), inhabited.signed_in("bob", BOB)
    user_id = inhabited.heimdex.users.named("bob").user_id
    assert ada.patch(f"/api/v1/users/{user_id}", json={"password": EVE}).status_code == 200
    assert bob.get("/api/v1/read").status_code == 401
    inhabited.signed_in("bob", EVE)
    assert ada.get("/api/v1/read").status_code == 200


def test_shutting_out_takes_effect_at_once_and_letting_in_needs_signing_in(inhabited: House) -> None:
    ada, bob = inhabited.signed_in("ada", ADA), inhabited.signed_in("bob", BOB)
    path = f"/api/v1/users/{inhabited.heimdex.users.named('bob').user_id}"
    assert ada.patch(path, json={"is_active": False}).json()["is_active"] is False
    assert bob.get("/api/v1/read").status_code == 401
    wrong = inhabited.browser().post("/api/v1/sign-in", json={"name": "bob", "password": BOB})
    assert wrong.status_code == 401
    assert ada.patch(path, json={"is_active": True}).status_code == 200
    assert bob.get("/api/v1/read").status_code == 401
    inhabited.signed_in("bob", BOB)


def test_the_last_admin_stays_one(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    path = f"/api/v1/users/{inhabited.heimdex.users.named('ada').user_id}"
    assert ada.patch(path, json={"role": "member"}).status_code == 400
    assert ada.patch(path, json={"is_active": False}).status_code == 400
    assert ada.delete(path).status_code == 400
    bob = inhabited.heimdex.users.named("bob")
    assert ada.patch(f"/api/v1/users/{bob.user_id}", json={"role": "admin"}).status_code == 200
    assert ada.patch(path, json={"role": "member"}).status_code == 200
    assert ada.get("/api/v1/users").status_code == 403


def test_removing_a_user_leaves_others_of_the_library(inhabited: House) -> None:
    ada = inhabited.signed_in("ada", ADA)
    bob = inhabited.heimdex.users.named("bob")
    ada.post("/api/v1/users", json=body("mate", shares_with=bob.user_id))
    mate = inhabited.signed_in("mate", EVE)
    key = mate.post("/api/v1/keys", json={"name": "x"}).json()["key"]
    assert ada.delete(f"/api/v1/users/{bob.user_id}").status_code == 204
    assert mate.get("/api/v1/read").status_code == 200
    assert inhabited.program(key).get("/api/v1/read").status_code == 200
    for nothing in (bob.user_id, "nonsense", "%00", "x" * 65, "urn:uuid:" + "0" * 32):
        assert ada.delete(f"/api/v1/users/{nothing}").status_code in (404, 422)


def test_two_admins_who_remove_each_other_leave_one(inhabited: House) -> None:
    known = inhabited.heimdex.users
    ada, bob = known.named("ada"), known.named("bob")
    known.remove(bob.user_id, may_be_last=False)
    with pytest.raises(UsageError, match="last admin"):
        known.remove(ada.user_id, may_be_last=False)
    assert known.exist()
