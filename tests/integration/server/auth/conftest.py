"""Fixtures of signing in: one database for all tests of a module, emptied before each.

Every test also proves that nothing secret is logged.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from heimdex.app import Heimdex
from heimdex.app.users import Users
from heimdex.config import Settings
from heimdex.server.auth.options import AuthOptions
from heimdex.store.passwords import Passwords
from tests.auth_kit import ADA, BOB, QUICK, House, make_app, nothing_secret_is_logged
from tests.conftest import TEMPLATE, ServerUnderTest

TABLES = "app_user app_session api_key sign_in_bucket set_up_token".split()


@pytest.fixture(scope="module")
def database_name(database_server: ServerUnderTest) -> Iterator[str]:
    """A database of this module's own."""
    name = f"test_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield name
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def opened(
    database_server: ServerUnderTest, database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Heimdex]:
    """A library on it, whose passwords take no time."""
    home: Path = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, database_url=database_server.url(database_name))
    with Heimdex(settings) as heimdex:
        passwords = Passwords(QUICK)
        heimdex.__dict__["users"] = Users(heimdex.database, owner=heimdex.owner, passwords=passwords)
        yield heimdex


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread."""
    with start_blocking_portal() as made:
        yield made


@pytest.fixture
def owner(opened: Heimdex) -> str:
    """The library of who need not sign in, and of the first user."""
    return opened.owner


@pytest.fixture
def empty(
    opened: Heimdex,
    database_server: ServerUnderTest,
    database_name: str,
    portal: BlockingPortal,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    """An installation without users."""
    with psycopg.connect(database_server.url(database_name, user="postgres")) as connection:
        for table in TABLES:  # faster than TRUNCATE for so few rows
            connection.execute(f"DELETE FROM heimdex.{table}")
    options = AuthOptions(owner=opened.owner)
    with nothing_secret_is_logged(monkeypatch) as known:
        app = make_app(opened, options)
        yield House(heimdex=opened, app=app, options=options, portal=portal, secrets=known)


@pytest.fixture
def inhabited(empty: House) -> House:
    """One with Ada, an admin, and Bob, a member with a library of his own."""
    empty.add("ada", ADA)
    empty.add("bob", BOB)
    return empty
