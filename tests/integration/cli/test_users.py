"""`heimdex users …` and `heimdex keys …`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from heimdex.app import users as app_users
from heimdex.cli.commands import app
from heimdex.store import passwords
from tests.auth_kit import ADA, BOB, QUICK

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`heimdex` in this process, on a database of its own."""
    monkeypatch.setenv("HEIMDEX_HOME", str(tmp_path))
    monkeypatch.setenv("HEIMDEX_DATABASE_URL", database_url)
    monkeypatch.setattr(passwords.Passwords.__init__, "__defaults__", (QUICK,))

    def command(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, list(words), input=typed)

    return command


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def add(run: Run, name: str, password: str, *words: str) -> Any:
    return told(run("users", "add", name, *words, "--password-stdin", "--json", typed=password + "\n"))[
        "user"
    ]


def test_users_are_made_listed_given_passwords_and_removed(run: Run) -> None:
    ada = add(run, "ada", ADA)
    assert ada["role"] == "admin"
    bob = add(run, "bob", BOB)
    assert (bob["role"], bob["owner"] == ada["owner"]) == ("member", False)
    assert add(run, "mate", BOB, "--shares-with", "BOB", "--admin")["owner"] == bob["owner"]
    assert [user["name"] for user in told(run("users", "list", "--json"))["users"]] == ["ada", "bob", "mate"]
    assert "mate (admin)" in run("users", "list").stdout
    assert (
        told(run("users", "password", "bob", "--password-stdin", "--json", typed=ADA))["user"]["name"]
        == "bob"
    )
    assert told(run("users", "remove", "bob", "--json"))["removed"]["name"] == "bob"
    assert run("users", "remove", "bob").exit_code == 1
    assert run("users", "set-up").exit_code == 2


def test_a_wrong_call_says_why_and_makes_nobody(run: Run) -> None:
    assert run("users", "add", "ada").exit_code == 2  # no terminal to ask at
    weak = run("users", "add", "ada", "--password-stdin", typed="short\n")
    assert weak.exit_code == 2
    assert "15 characters" in weak.stderr
    assert run("users", "add", "x", "--shares-with", "nobody", "--password-stdin", typed=ADA).exit_code in (
        1,
        2,
    )
    assert told(run("users", "list", "--json")) == {"users": []}


def test_a_set_up_token_is_printed_and_works(run: Run) -> None:
    first = run("users", "set-up").stdout.strip()
    second = told(run("users", "set-up", "--json"))["token"]
    assert first.startswith(app_users.SET_UP_PREFIX)
    assert first != second


def test_keys_are_made_listed_and_revoked(run: Run) -> None:
    made = told(run("keys", "create", "cron", "--scopes", "read, write", "--days", "30", "--json"))
    assert made["secret"].startswith("hx_")
    assert made["key"]["scopes"] == ["read", "write"]
    listed = run("keys", "list").stdout
    assert made["key"]["hint"] in listed
    assert made["secret"] not in listed
    key_id = made["key"]["key_id"]
    assert told(run("keys", "revoke", key_id, "--json")) == {"revoked": key_id}
    assert told(run("keys", "list", "--json"))["keys"][0]["revoked_at"] is not None
    assert run("keys", "revoke", "nonsense").exit_code == 1
    assert run("keys", "create", "x", "--scopes", "all").exit_code == 2
    assert run("keys", "create", "x", "--scopes", "").exit_code == 2


def test_a_users_key_is_in_the_users_library(run: Run) -> None:
    add(run, "ada", ADA)
    add(run, "bob", BOB)
    made = told(run("keys", "create", "cron", "--user", "bob", "--json"))
    assert told(run("keys", "list", "--user", "bob", "--json"))["keys"] == [made["key"]]
    assert told(run("keys", "list", "--json"))["keys"] == []
    assert run("keys", "revoke", made["key"]["key_id"]).exit_code == 1
    assert run("keys", "revoke", made["key"]["key_id"], "--user", "bob").exit_code == 0
