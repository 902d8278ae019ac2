"""The queue's schema, out of the library, beside ours."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from heimdex.errors import SchemaMismatch
from heimdex.jobs.schema import queue_schema
from heimdex.store.database import Database
from heimdex.store.further import FurtherSchema
from heimdex.store.migrate import migrate
from tests.conftest import ServerUnderTest


@pytest.fixture
def fresh(database_server: ServerUnderTest) -> Iterator[str]:
    name = f"further_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name}")
    yield name
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_queue_is_made_once_and_used_by_the_application(
    database_server: ServerUnderTest, fresh: str, tmp_path: Path, owner: str
) -> None:
    url, admin_url = database_server.url(fresh), database_server.url(fresh, user="postgres")
    with Database.open(home=tmp_path, url=url, admin_url=admin_url, further=[queue_schema()]) as database:
        count = "SELECT count(*) FROM procrastinate_jobs"
        assert database.run(owner, lambda c: c.execute(count).fetchone()) == (0,)
    Database.open(home=tmp_path, url=url, further=[queue_schema()]).close()  # nothing is left to migrate
    with psycopg.connect(admin_url) as connection:
        owners = connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'heimdex_queue'"
        ).fetchall()
    assert owners == [("heimdex_owner",)]


def test_later_steps_are_applied_and_unknown_ones_refused(
    database_server: ServerUnderTest, fresh: str
) -> None:
    first = FurtherSchema(
        name="heimdex_queue",
        steps=("1",),
        whole=lambda: "CREATE TABLE note (text text)",
        step=lambda name: f"ALTER TABLE note ADD COLUMN column_{name} text",
    )
    later = replace(first, steps=("1", "2"))
    with psycopg.connect(database_server.url(fresh, user="postgres")) as connection:
        assert migrate(connection, further=[first])[-1] == "heimdex_queue: 1"
        assert migrate(connection, further=[later]) == ("heimdex_queue: 2",)
        assert migrate(connection, further=[later]) == ()
        connection.execute("SELECT column_2 FROM heimdex_queue.note")
        with pytest.raises(SchemaMismatch, match="newer"):
            migrate(connection, further=[first])
