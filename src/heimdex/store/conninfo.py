"""How the database is reached: the embedded one, or the one behind a URL."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from heimdex.errors import DatabaseUnavailable
from heimdex.store.roles import APP_ROLE

DATABASE_NAME = "heimdex"
CONNECT_TIMEOUT_S = 10
_KEEPALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # ms
}


def session_name(conninfo: str) -> str:
    """An application_name for each Database: sessions of a worker that is given up can be ended by it."""
    given = conninfo_to_dict(conninfo).get("application_name") or "heimdex"
    return f"{str(given)[:40]} {secrets.token_hex(8)}"


def app_of(root: str) -> str:
    """The application's login at the embedded server, from the superuser's."""
    ours = {"user": APP_ROLE, "dbname": DATABASE_NAME, "application_name": "heimdex"}
    return make_conninfo(root, connect_timeout=CONNECT_TIMEOUT_S, **ours)


def external(url: str) -> str:
    """A URL with our ways of connecting, where it has none of its own. Raises DatabaseUnavailable."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as err:
        raise DatabaseUnavailable(
            f"The database URL is malformed ({err}); it looks like postgresql://user:password@host/database."
        ) from err
    ours: dict[str, Any] = {"application_name": "heimdex", "connect_timeout": CONNECT_TIMEOUT_S, **_KEEPALIVE}
    return make_conninfo(url, **{name: value for name, value in ours.items() if name not in given})


def create_database(admin: str) -> None:
    """The embedded server's database, unless it is there or another process is just making it."""
    with psycopg.connect(make_conninfo(admin, dbname="postgres"), autocommit=True) as connection:
        there = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE_NAME]).fetchone()
        if there is None:
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(f"CREATE DATABASE {DATABASE_NAME}")
