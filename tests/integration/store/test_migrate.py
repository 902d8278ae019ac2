"""Migrations on real databases of the test server."""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from heimdex.errors import SchemaMismatch, StoreError
from heimdex.store import migrate as migrate_module
from heimdex.store.migrate import SCHEMA_FOLDER, migrate, migrations, pending
from tests.conftest import ServerUnderTest


@pytest.fixture
def empty_database(database_server: ServerUnderTest) -> Iterator[str]:
    """The superuser's conninfo for a database without a schema."""
    name = f"empty_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name}")
    yield database_server.url(name, user="postgres")
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    """A schema of our own: the roles, and one table."""
    folder = tmp_path / "schema"
    folder.mkdir()
    shutil.copy(SCHEMA_FOLDER / "0000_roles.sql", folder)
    (folder / "0001_note.sql").write_text("CREATE TABLE heimdex.note (text text);")
    return folder


def test_the_files_are_applied_once_in_order(empty_database: str, schema: Path) -> None:
    with psycopg.connect(empty_database) as connection:
        assert migrate(connection, schema) == ("0000_roles.sql", "0001_note.sql")
        assert migrate(connection, schema) == ()
        (schema / "0002_more.sql").write_text("ALTER TABLE heimdex.note ADD COLUMN more text;")
        assert [migration.name for migration in pending(connection, schema)] == ["0002_more.sql"]
        assert migrate(connection, schema) == ("0002_more.sql",)
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'note'").fetchone()
    assert owner == ("heimdex_owner",)


def test_our_own_schema_applies_to_an_empty_database(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        assert list(migrate(connection)) == [migration.name for migration in migrations()]


def test_four_processes_that_migrate_at_once_apply_each_file_once(empty_database: str, schema: Path) -> None:
    (schema / "0002_slow.sql").write_text("SELECT pg_sleep(0.2); CREATE TABLE heimdex.slow (one integer);")
    code = (
        "import sys, psycopg; from pathlib import Path; from heimdex.store.migrate import migrate\n"
        "sys.stdin.readline(); print(len(migrate(psycopg.connect(sys.argv[1]), Path(sys.argv[2]))))"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, empty_database, str(schema)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    applied = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    assert sorted(applied) == [0, 0, 0, 3]


def test_a_file_that_fails_leaves_no_trace(empty_database: str, schema: Path) -> None:
    (schema / "0002_broken.sql").write_text("CREATE TABLE heimdex.half (one integer); SELECT 1/0;")
    with psycopg.connect(empty_database) as connection:
        with pytest.raises(StoreError, match="division by zero"):
            migrate(connection, schema)
        assert connection.execute("SELECT to_regclass('heimdex.half')").fetchone() == (None,)
        assert [migration.name for migration in pending(connection, schema)] == ["0002_broken.sql"]


def test_a_schema_newer_than_the_code_is_refused(empty_database: str, schema: Path) -> None:
    with psycopg.connect(empty_database) as connection:
        migrate(connection, schema)
        (schema / "0001_note.sql").unlink()
        with pytest.raises(SchemaMismatch, match=r"newer than this Heimdex.*0001_note\.sql"):
            pending(connection, schema)


def test_an_applied_file_that_was_changed_is_refused(empty_database: str, schema: Path) -> None:
    with psycopg.connect(empty_database) as connection:
        migrate(connection, schema)
        (schema / "0001_note.sql").write_text("CREATE TABLE heimdex.note (text text NOT NULL);")
        with pytest.raises(SchemaMismatch, match=r"0001_note\.sql"):
            migrate(connection, schema)


def test_other_line_ends_are_no_change(empty_database: str, schema: Path) -> None:
    with psycopg.connect(empty_database) as connection:
        migrate(connection, schema)
        text = (schema / "0000_roles.sql").read_bytes()
        (schema / "0000_roles.sql").write_bytes(text.replace(b"\n", b"\r\n"))
        assert pending(connection, schema) == ()


def test_a_number_used_twice_is_refused(schema: Path) -> None:
    (schema / "0001_again.sql").write_text("SELECT 1;")
    with pytest.raises(StoreError, match="number of its own"):
        migrations(schema)


def test_an_old_server_and_an_old_extension_are_refused(
    empty_database: str, schema: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(empty_database) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(migrate_module, "OLDEST_SERVER", 99)
            with pytest.raises(SchemaMismatch, match="too old: Heimdex needs 99"):
                migrate(connection, schema)
        with monkeypatch.context() as patch:
            patch.setattr(migrate_module, "OLDEST_VECTOR", (99, 0))
            with pytest.raises(SchemaMismatch, match=r"pgvector .* is too old"):
                migrate(connection, schema)
        assert connection.execute("SELECT to_regnamespace('heimdex')").fetchone() == (None,)


def test_the_application_can_use_the_tables_but_not_change_them(empty_database: str, schema: Path) -> None:
    with psycopg.connect(empty_database) as connection:
        migrate(connection, schema)
    with psycopg.connect(empty_database, user="heimdex_app", autocommit=True) as app:
        app.execute("INSERT INTO heimdex.note VALUES ('a')")
        app.execute("UPDATE heimdex.note SET text = 'b'")
        app.execute("DELETE FROM heimdex.note")
        assert pending(app, schema) == ()
        for statement in (
            "DROP TABLE heimdex.note",
            "ALTER TABLE heimdex.note DISABLE ROW LEVEL SECURITY",
            "CREATE TABLE heimdex.mine (one integer)",
            "DELETE FROM heimdex.migration",
            "SET ROLE heimdex_owner",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)


def test_a_login_that_may_make_roles_can_migrate_without_being_a_superuser(
    database_server: ServerUnderTest, empty_database: str, schema: Path
) -> None:
    name = f"admin_{uuid.uuid4().hex}"
    database = psycopg.conninfo.conninfo_to_dict(empty_database)["dbname"]
    database_server.admin(f"CREATE ROLE {name} LOGIN CREATEROLE")
    try:
        database_server.admin(f"ALTER DATABASE {database} OWNER TO {name}")
        # As on a managed server: pgvector installed by its superuser, the roles made by this login.
        with psycopg.connect(empty_database) as connection:
            connection.execute("CREATE EXTENSION vector")
        database_server.admin(f"GRANT heimdex_owner, heimdex_app TO {name} WITH ADMIN OPTION")
        with psycopg.connect(empty_database, user=name) as connection:
            assert len(migrate(connection, schema)) == 2
    finally:
        database_server.admin(f"ALTER DATABASE {database} OWNER TO postgres")
        with psycopg.connect(empty_database, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {name} CASCADE")
        database_server.admin(f"DROP ROLE {name}")
