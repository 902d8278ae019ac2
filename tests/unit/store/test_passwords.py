"""Passwords: kept by argon2id, refused where they are guessed first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from argon2 import extract_parameters

from heimdex.errors import RateLimited, UsageError
from heimdex.store.passwords import Passwords
from tests.auth_kit import QUICK

GOOD = "seven grey herons at dawn"


def test_the_parameters_are_the_second_choice_of_rfc_9106() -> None:
    kept = Passwords().hash(GOOD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert Passwords().check(GOOD, kept).is_right


def test_a_password_hashed_with_other_parameters_gets_a_new_hash_when_it_is_right() -> None:
    old = Passwords(QUICK).hash(GOOD)
    now = Passwords(replace(QUICK, time_cost=2))
    assert not now.check("another", old).is_right
    verdict = now.check(GOOD, old)
    assert verdict.is_right
    assert verdict.new_hash is not None
    assert extract_parameters(verdict.new_hash).time_cost == 2
    assert now.check(GOOD, verdict.new_hash).new_hash is None


def test_nobodys_password_is_never_right() -> None:
    passwords = Passwords(QUICK)
    for guess in ("", "nobody has this password", GOOD):
        assert not passwords.check(guess, None).is_right
    assert not passwords.check(GOOD, "not a hash").is_right
    assert not passwords.check("x" * 100_000, passwords.hash(GOOD)).is_right


def test_what_looks_the_same_is_the_same() -> None:
    passwords = Passwords(QUICK)
    assert passwords.check("cafe\u0301 ﬁlm and more", passwords.hash("caf\u00e9 film and more")).is_right


@pytest.mark.parametrize(
    "password", [GOOD, "correct horse battery staple", "ｆｕｌｌ width", "1234 5678 9012 x y"]
)
def test_no_rules_on_what_it_is_made_of(password: str) -> None:
    Passwords(QUICK, min_length=10).demand_good(password, "ada")


@pytest.mark.parametrize(
    "password",
    [
        "fourteen chars",
        "Ada Lovelace 1815",
        "5181 ecalevol adA",
        "ada lovelace 1815heimdex",
        "a" * 20,
        "ada" * 5,
        "qwertyuiqwertyui",
        "abcdefghijklmnopq",
        "987654321098765",
        "x" * 1025,
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(UsageError):
        Passwords(QUICK).demand_good(password, "Ada Lovelace 1815")


def test_no_more_than_two_are_hashed_at_once_and_who_waits_too_long_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("heimdex.store.passwords.PATIENCE_S", 0.01)
    passwords = Passwords(QUICK)
    with passwords._permits, passwords._permits, pytest.raises(RateLimited):
        passwords.hash(GOOD)
    assert passwords.check(GOOD, passwords.hash(GOOD)).is_right
