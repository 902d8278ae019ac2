"""Too many requests, and too many attempts to sign in."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from heimdex.app.keys import KeyWish
from heimdex.server.auth import attempts
from tests.auth_kit import ADA, BOB, House, make_app

PAIR, ADDRESS, NAME = (room[0] for room in (attempts.PAIR, attempts.ADDRESS, attempts.NAME))


def guess(house: House, name: str, address: str, **headers: str) -> int:
    browser = house.browser(client=(address, 50_000))
    body = {"name": name, "password": "a guess"}
    return browser.post("/api/v1/sign-in", json=body, headers=headers).status_code


def test_a_key_has_its_own_limit_and_is_told_what_is_left(inhabited: House, owner: str) -> None:
    inhabited.app = make_app(inhabited.heimdex, replace(inhabited.options, requests_per_minute=3))
    keys = [inhabited.heimdex.keys.create(owner, KeyWish(name=name))[1] for name in ("one", "other")]
    program = inhabited.program(keys[0])
    answers = [program.get("/api/v1/read") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers.get("ratelimit-remaining") for answer in answers[:3]] == ["2", "1", "0"]
    assert {answer.headers["ratelimit-limit"] for answer in answers[:3]} == {"3"}
    assert 0 < float(answers[3].headers["retry-after"]) <= 20
    assert inhabited.program(keys[1]).get("/api/v1/read").status_code == 200
    assert program.get("/api/v1/admin").status_code == 429
    forbidden = inhabited.program(keys[1]).get("/api/v1/admin")
    assert (forbidden.status_code, forbidden.headers["ratelimit-remaining"]) == (403, "1")


def test_a_users_browsers_share_a_limit_and_this_machine_has_none(empty: House) -> None:
    empty.app = make_app(empty.heimdex, replace(empty.options, requests_per_minute=2))
    assert {empty.local().get("/api/v1/read").status_code for _ in range(5)} == {200}
    empty.add("ada", ADA)
    one, other = empty.signed_in("ada", ADA), empty.signed_in("ada", ADA)
    codes = [browser.get("/api/v1/read").status_code for browser in (one, other, one)]
    assert codes == [200, 200, 429]


def test_guessing_a_password_is_stopped_and_the_right_one_waits_too(inhabited: House) -> None:
    codes = [guess(inhabited, "ada", "198.51.100.1") for _ in range(PAIR + 1)]
    assert codes == [401] * PAIR + [429]
    browser = inhabited.browser(client=("198.51.100.1", 1))
    answer = browser.post("/api/v1/sign-in", json={"name": "ada", "password": ADA})
    assert answer.status_code == 429
    assert 0 < float(answer.headers["retry-after"]) <= attempts.PAIR[1]
    elsewhere = inhabited.browser().post("/api/v1/sign-in", json={"name": "ada", "password": ADA})
    assert elsewhere.status_code == 200
    bob = browser.post("/api/v1/sign-in", json={"name": "bob", "password": BOB})
    assert bob.status_code == 200


def test_another_process_counts_on_where_this_one_was(inhabited: House) -> None:
    for _ in range(PAIR):
        assert guess(inhabited, "ada", "198.51.100.1") == 401
    inhabited.app = make_app(inhabited.heimdex, inhabited.options)
    assert guess(inhabited, "ADA", "198.51.100.1") == 429


def test_an_address_that_tries_many_names_is_stopped(inhabited: House) -> None:
    codes = [guess(inhabited, f"name {number}", "198.51.100.1") for number in range(ADDRESS + 1)]
    assert codes == [401] * ADDRESS + [429]
    inside = [f"2001:db8:1:2::{number:x}" for number in range(1, ADDRESS + 2)]
    codes = [guess(inhabited, address, address) for address in inside]
    assert codes == [401] * ADDRESS + [429]
    assert guess(inhabited, "name 1", "2001:db8:1:3::1") == 401


def test_a_name_that_many_addresses_try_is_stopped(inhabited: House) -> None:
    codes = [guess(inhabited, "ada", f"198.51.100.{number}") for number in range(NAME + 1)]
    assert codes == [401] * NAME + [429]
    assert guess(inhabited, "bob", "198.51.100.1") == 401


def test_signing_in_rightly_uses_nothing_up(inhabited: House) -> None:
    for _ in range(PAIR + 1):
        inhabited.signed_in("ada", ADA)


def test_room_comes_back_with_time(inhabited: House, owner: str) -> None:
    for _ in range(PAIR + 1):
        guess(inhabited, "ada", "198.51.100.1")
    with inhabited.heimdex.database.transaction(owner) as connection:
        connection.execute(
            "UPDATE heimdex.sign_in_bucket SET full_at = full_at - make_interval(secs => %s)",
            [attempts.PAIR[1]],
        )
    assert [guess(inhabited, "ada", "198.51.100.1") for _ in range(2)] == [401, 429]


def test_set_up_and_changing_a_password_cannot_be_guessed_at_either(inhabited: House) -> None:
    bob = inhabited.signed_in("bob", BOB)
    change = {"old": "a guess", "new": "a new long password"}
    codes = [bob.put("/api/v1/me/password", json=change).status_code for _ in range(PAIR + 1)]
    assert codes == [401] * PAIR + [429]
    body = {"name": "eve", "password": "eve's long password", "token": "setup_guess"}
    stranger = inhabited.browser(client=("198.51.100.1", 1))
    codes = [stranger.post("/api/v1/set-up", json=body).status_code for _ in range(ADDRESS + 1)]
    assert codes == [403] * ADDRESS + [429]


def test_only_a_trusted_proxy_says_where_a_guess_comes_from(inhabited: House) -> None:
    proxy = "192.0.2.1"
    told = {"X-Forwarded-For": "198.51.100.{}"}
    invented = [
        guess(inhabited, "ada", proxy, **{"X-Forwarded-For": told["X-Forwarded-For"].format(number)})
        for number in range(PAIR + 1)
    ]
    assert invented[-1] == 429  # all of one address, whatever they say
    options = replace(inhabited.options, trusted_proxies=(ip_network("192.0.2.0/24"),))
    inhabited.app = make_app(inhabited.heimdex, options)
    fresh = [
        guess(inhabited, "bob", proxy, **{"X-Forwarded-For": told["X-Forwarded-For"].format(number)})
        for number in range(PAIR + 1)
    ]
    assert fresh == [401] * (PAIR + 1)
    # What stands before the proxy's own word anybody may have written.
    spoofed = [
        guess(inhabited, "bob", proxy, **{"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.99"})
        for number in range(PAIR + 1)
    ]
    assert spoofed == [401] * PAIR + [429]
