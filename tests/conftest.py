"""Fixtures for all tests: one embedded server per test process, one fresh database per test that asks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from heimdex.jobs.schema import queue_schema
from heimdex.store.cluster import PostgresOptions
from heimdex.store.database import Database
from heimdex.store.migrate import migrate
from heimdex.store.postgres import EmbeddedPostgres

TEMPLATE = "heimdex_template"


@dataclass(frozen=True, kw_only=True)
class ServerUnderTest:
    """The embedded server of this test process; `root` is the superuser's conninfo."""

    root: str

    def url(self, database: str, user: str = "heimdex_app") -> str:
        """A conninfo for one of its databases."""
        return make_conninfo(self.root, dbname=database, user=user)

    def admin(self, statement: str) -> None:
        """Run one statement as the superuser, outside of a transaction."""
        with psycopg.connect(self.root, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """A server with a migrated template database."""
    embedded = EmbeddedPostgres(
        tmp_path_factory.mktemp("database_home"), options=PostgresOptions(durable=False)
    )
    server = ServerUnderTest(root=embedded.start())
    try:
        server.admin(f"CREATE DATABASE {TEMPLATE}")
        with psycopg.connect(server.url(TEMPLATE, user="postgres")) as connection:
            migrate(connection, further=[queue_schema()])
        yield server
    finally:
        embedded.stop_now()
        embedded.close()


@pytest.fixture
def database_url(database_server: ServerUnderTest) -> Iterator[str]:
    """The application's conninfo for an empty, migrated database of this test's own."""
    name = f"test_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield database_server.url(name)
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """An open Database on it."""
    with Database.open(home=tmp_path, url=database_url) as opened:
        yield opened


@pytest.fixture
def owner() -> str:
    """A tenant."""
    return str(uuid.uuid4())


@pytest.fixture(scope="session", autouse=True)
def _neither_listens_nor_reads() -> Iterator[None]:
    """Libraries in tests listen and read only where that is the point: each takes a model to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEIMDEX_SPEECH", "off")
        patch.setenv("HEIMDEX_WRITING", "false")
        yield
