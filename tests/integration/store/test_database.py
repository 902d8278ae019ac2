"""Transactions, owners, healing and claims on the real database."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from heimdex.errors import DatabaseUnavailable, StorageFull, StoreError, UnsafeRole
from heimdex.store.cluster import PostgresOptions, programs_folder, read_pid_file
from heimdex.store.database import Claims, Database, is_claimed
from heimdex.store.postgres import EmbeddedPostgres
from heimdex.store.roles import CREATE_ROLES_SQL
from tests.conftest import ServerUnderTest
from tests.integration.store.conftest import SmallDisk

OWN_ROWS = "owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid"
NOTE_TABLE = f"""
SET LOCAL ROLE heimdex_owner;
CREATE TABLE heimdex.note (owner_id uuid, number integer, text text, PRIMARY KEY (owner_id, number));
ALTER TABLE heimdex.note ENABLE ROW LEVEL SECURITY;
ALTER TABLE heimdex.note FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON heimdex.note USING ({OWN_ROWS}) WITH CHECK ({OWN_ROWS});
"""
INSERT_MODELS = """
INSERT INTO heimdex.model (name, precision, weights_sha256)
SELECT repeat('x', 500), number, '' FROM generate_series(1, %s) number"""
INSERT = "INSERT INTO heimdex.note VALUES (%s, %s, 'x')"


def as_root(database_url: str, statements: str) -> None:
    with psycopg.connect(database_url, user="postgres") as connection:
        connection.execute(statements)  # type: ignore[arg-type,unused-ignore]


def count(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM heimdex.note").fetchone()
    assert row is not None
    return int(row[0])


def backend(connection: Connection[Any]) -> int:
    return connection.info.backend_pid


@pytest.fixture
def notes(database: Database, database_url: str) -> Database:
    """A database with a small tenant table, made by the owner role."""
    as_root(database_url, NOTE_TABLE)
    return database


def test_a_transaction_is_committed_at_its_end_and_rolled_back_by_an_exception(
    notes: Database, owner: str
) -> None:
    with notes.transaction(owner) as connection:
        connection.execute(INSERT, [owner, 1])

    def fail(connection: Connection[Any]) -> None:
        connection.execute(INSERT, [owner, 2])
        raise KeyError

    with pytest.raises(KeyError):
        notes.run(owner, fail)
    with notes.transaction(owner) as connection:
        assert count(connection) == 1


def test_rows_of_one_owner_are_invisible_to_another(notes: Database, owner: str) -> None:
    with notes.transaction(owner) as connection:
        connection.execute(INSERT, [owner, 1])
    with notes.transaction(str(uuid.uuid4())) as connection:
        assert count(connection) == 0
        assert connection.execute("UPDATE heimdex.note SET text = 'stolen'").rowcount == 0
        assert connection.execute("DELETE FROM heimdex.note").rowcount == 0
    with notes.transaction(owner) as connection:
        assert connection.execute("SELECT text FROM heimdex.note").fetchall() == [("x",)]


def test_without_an_owner_there_are_no_rows_and_nothing_can_be_written(
    notes: Database, owner: str, database_url: str
) -> None:
    with notes.transaction(owner) as connection:
        connection.execute(INSERT, [owner, 1])
    with psycopg.connect(database_url, autocommit=True) as stray:
        assert count(stray) == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            stray.execute(INSERT, [owner, 2])


def test_the_owner_does_not_outlast_its_transaction(notes: Database, owner: str) -> None:
    with notes.transaction(owner) as connection:
        connection.execute(INSERT, [owner, 1])
        connection.commit()  # against the rules: what follows has no owner
        assert count(connection) == 0


def test_a_row_for_another_owner_is_refused(notes: Database, owner: str) -> None:
    with pytest.raises(StoreError, match="row-level security"), notes.transaction(owner) as connection:
        connection.execute(INSERT, [str(uuid.uuid4()), 1])


def test_an_owner_that_is_no_uuid_is_an_error(notes: Database) -> None:
    with pytest.raises(StoreError, match="uuid"), notes.transaction("me") as connection:
        count(connection)


# Decision 12 lists them. Each is unique in the whole installation, and read through a function only.
ASKED_BEFORE_AN_OWNER_IS_KNOWN = (
    "heimdex.app_user_user_id_key",
    "heimdex.app_user_name_key_key",
    "heimdex.app_user_oidc_issuer_oidc_subject_key",
    "heimdex.app_session_token_hash_key",
    "heimdex.api_key_key_hash_key",
)


def test_every_tenant_table_is_forced_under_its_policy_and_keyed_by_owner(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                   (SELECT string_agg(pg_get_expr(p.polqual, c.oid) || '|'
                                      || pg_get_expr(p.polwithcheck, c.oid), '')
                      FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname <> 'look_up'),
                   (SELECT bool_and(i.indkey[0] = a.attnum) FROM pg_index i
                     WHERE i.indrelid = c.oid AND i.indexrelid::regclass::text <> ALL (%s))
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'owner_id'
             WHERE c.relnamespace = 'heimdex'::regnamespace AND c.relkind IN ('r', 'p')
            """,
            [list(ASKED_BEFORE_AN_OWNER_IS_KNOWN)],
        ).fetchall()
        look_ups = connection.execute(
            "SELECT polrelid::regclass::text, polcmd::text, polroles::regrole[]::text FROM pg_policy "
            "WHERE polname = 'look_up' ORDER BY 1"
        ).fetchall()
    assert tables
    # Only the functions of heimdex_owner see users, sessions and keys of all owners, and only look.
    seen = ("heimdex.api_key", "heimdex.app_session", "heimdex.app_user")
    assert look_ups == [(table, "r", "{heimdex_owner}") for table in seen]
    policy = "(owner_id = (NULLIF(current_setting('heimdex.owner'::text, true), ''::text))::uuid)"
    assert {row[1:] for row in tables} == {(True, f"{policy}|{policy}", True)}, tables


def test_a_read_only_transaction_refuses_writes_and_sees_one_state(notes: Database, owner: str) -> None:
    with notes.transaction(owner, read_only=True) as reader:
        assert count(reader) == 0
        with notes.transaction(owner) as writer:
            writer.execute(INSERT, [owner, 1])
        assert count(reader) == 0
    with pytest.raises(StoreError, match="read-only"), notes.transaction(owner, read_only=True) as reader:
        reader.execute(INSERT, [owner, 2])
    with notes.transaction(owner) as writer:  # the same connection writes again
        writer.execute(INSERT, [owner, 3])


def test_what_the_database_refuses_is_a_store_error_and_the_connection_stays_usable(
    notes: Database, owner: str
) -> None:
    with notes.transaction(owner) as connection:
        connection.execute(INSERT, [owner, 1])
    with pytest.raises(StoreError, match="duplicate key") as caught:
        notes.run(owner, lambda connection: connection.execute(INSERT, [owner, 1]))
    assert isinstance(caught.value.__cause__, psycopg.errors.UniqueViolation)
    assert notes.run(owner, count) == 1


def test_connections_are_opened_when_needed_and_used_again(database: Database, owner: str) -> None:
    with database.transaction(owner) as first:
        with database.transaction(owner) as second:
            pids = {backend(first), backend(second)}
        rows = first.execute("SELECT pid FROM pg_stat_activity WHERE usename = current_user").fetchall()
    assert {pid for (pid,) in rows} == pids
    assert database.run(owner, backend) in pids


def test_a_command_line_search_opens_one_connection(database: Database, owner: str) -> None:
    def connections(connection: Connection[Any]) -> int:
        question = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        row = connection.execute(question).fetchone()
        assert row is not None
        return int(row[0])

    assert database.run(owner, connections, read_only=True) == 1


def test_a_fork_is_refused(database: Database, owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heimdex.store.database.os.getpid", lambda: -1)
    with pytest.raises(StoreError, match="fork"):
        database.run(owner, backend)


@pytest.mark.parametrize(
    ("attributes", "fault"), [("SUPERUSER", "is a superuser"), ("BYPASSRLS", "has BYPASSRLS")]
)
def test_a_login_above_the_policies_is_refused_with_the_way_out(
    database_server: ServerUnderTest, database_url: str, tmp_path: Path, attributes: str, fault: str
) -> None:
    name = f"login_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE ROLE {name} LOGIN IN ROLE heimdex_app {attributes}")
    try:
        url = psycopg.conninfo.make_conninfo(database_url, user=name)
        with pytest.raises(UnsafeRole, match=f"(?s){fault}.*CREATE ROLE heimdex_app LOGIN"):
            Database.open(home=tmp_path, url=url)
    finally:
        database_server.admin(f"DROP ROLE {name}")


def test_the_owner_of_an_unforced_table_is_refused(
    database_server: ServerUnderTest, database_url: str, tmp_path: Path
) -> None:
    name = f"login_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE ROLE {name} LOGIN IN ROLE heimdex_app, heimdex_owner")
    url = psycopg.conninfo.make_conninfo(database_url, user=name)
    try:
        Database.open(home=tmp_path, url=url).close()  # where all is forced, an owner is bound as well
        as_root(database_url, NOTE_TABLE + "ALTER TABLE heimdex.note NO FORCE ROW LEVEL SECURITY;")
        with pytest.raises(UnsafeRole, match="owns the table note"):
            Database.open(home=tmp_path, url=url)
    finally:
        database_server.admin(f"DROP ROLE {name}")


def test_a_login_without_rights_is_told_what_it_lacks(
    database_server: ServerUnderTest, database_url: str, tmp_path: Path
) -> None:
    name = f"login_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE ROLE {name} LOGIN")
    try:
        with pytest.raises(StoreError, match=f'GRANT heimdex_app TO "{name}"'):
            Database.open(home=tmp_path, url=psycopg.conninfo.make_conninfo(database_url, user=name))
    finally:
        database_server.admin(f"DROP ROLE {name}")


def test_an_empty_database_is_migrated_by_the_admin_login_only(
    database_server: ServerUnderTest, tmp_path: Path, owner: str
) -> None:
    name = f"fresh_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name}")
    try:
        url = database_server.url(name)
        with pytest.raises(StoreError, match="HEIMDEX_DATABASE_ADMIN_URL"):
            Database.open(home=tmp_path, url=url)
        admin_url = database_server.url(name, user="postgres")
        with Database.open(home=tmp_path, url=url, admin_url=admin_url) as database:
            assert database.run(owner, lambda c: c.execute("SELECT current_user").fetchone()) == (
                "heimdex_app",
            )
        Database.open(home=tmp_path, url=url).close()
    finally:
        database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_how_to_for_a_server_of_ones_own_works(home: Path, owner: str) -> None:
    how_to = Path(__file__).parents[3] / "docs" / "howto" / "external-database.md"
    assert f"```sql\n{CREATE_ROLES_SQL}\n```" in how_to.read_text(encoding="utf-8")
    server = EmbeddedPostgres(home, options=PostgresOptions(durable=False))
    root = server.start()
    psql = [str(programs_folder() / "psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1", root]
    subprocess.run(psql, input=CREATE_ROLES_SQL, text=True, check=True, capture_output=True)
    url = psycopg.conninfo.make_conninfo(root, user="heimdex_app", dbname="heimdex")
    admin_url = psycopg.conninfo.make_conninfo(root, dbname="heimdex")
    with Database.open(home=home, url=url, admin_url=admin_url) as database:
        statement = "SELECT current_user, count(*) FROM heimdex.asset"
        assert database.run(owner, lambda c: c.execute(statement).fetchone()) == ("heimdex_app", 0)
    server.close()


@pytest.mark.parametrize("url", ["postgresql://nobody@localhost:1/none", "host=/nowhere dbname=x"])
def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        Database.open(home=tmp_path, url=url)


def test_a_malformed_url_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="postgresql://user:password@host/database"):
        Database.open(home=tmp_path, url="mysql//what")


def test_work_whose_connection_is_lost_runs_again(notes: Database, owner: str, database_url: str) -> None:
    pids = []

    def work(connection: Connection[Any]) -> int:
        pids.append(backend(connection))
        connection.execute(INSERT, [owner, 1])
        if len(pids) == 1:
            as_root(database_url, f"SELECT pg_terminate_backend({pids[0]}, 5000)")
        return count(connection)

    assert notes.run(owner, work) == 1
    assert len(set(pids)) == 2


def test_idle_connections_that_died_are_replaced_without_a_word(
    notes: Database, owner: str, database_url: str
) -> None:
    pid = notes.run(owner, backend)
    as_root(database_url, f"SELECT pg_terminate_backend({pid}, 5000)")
    with notes.transaction(owner) as connection:
        assert backend(connection) != pid


def test_two_that_lock_each_other_both_finish(notes: Database, owner: str) -> None:
    with notes.transaction(owner) as connection:
        connection.execute(INSERT, [owner, 1])
        connection.execute(INSERT, [owner, 2])
    both_hold_one = threading.Barrier(2)
    rounds = []

    def work(first: int, second: int) -> None:
        def update(connection: Connection[Any]) -> None:
            rounds.append(first)
            statement = "UPDATE heimdex.note SET text = text || 'y' WHERE number = %s"
            connection.execute(statement, [first])
            with suppress(threading.BrokenBarrierError):
                both_hold_one.wait(timeout=5 if len(rounds) <= 2 else 0.01)
            connection.execute(statement, [second])

        notes.run(owner, update)

    threads = [threading.Thread(target=work, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rounds) > 2
    with notes.transaction(owner) as connection:
        assert connection.execute("SELECT DISTINCT text FROM heimdex.note").fetchall() == [("xyy",)]


def test_patience_ends(database: Database, owner: str) -> None:
    tries = []

    def work(connection: Connection[Any]) -> None:
        tries.append(1)
        raise psycopg.OperationalError("gone")

    with pytest.raises(DatabaseUnavailable, match="gone"):
        database.run(owner, work, patience_s=0.3)
    assert len(tries) > 1


def test_a_full_disk_is_not_retried(database: Database, owner: str) -> None:
    tries = []

    def work(connection: Connection[Any]) -> None:
        tries.append(1)
        raise psycopg.errors.DiskFull("could not extend file: No space left on device")

    with pytest.raises(StorageFull):
        database.run(owner, work)
    assert len(tries) == 1


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    yield folder
    EmbeddedPostgres(folder).stop_now()


def server_pid(home: Path) -> int:
    found = read_pid_file(home / "postgres" / "18")
    assert found is not None
    return found.pid


def test_a_server_killed_in_the_midst_of_work_is_started_again(home: Path, owner: str) -> None:
    insert = "INSERT INTO heimdex.path_word SELECT owner_id, 'word', asset_id FROM heimdex.asset"
    with Database.open(home=home, url=None) as database:
        pids = []

        def work(connection: Connection[Any]) -> int:
            pids.append(server_pid(home))
            connection.execute(insert)
            if len(pids) == 1:
                os.kill(pids[0], signal.SIGKILL)
                while connection.execute("SELECT 1").rowcount:  # until its own process has noticed
                    pass
            row = connection.execute("SELECT count(*) FROM heimdex.asset").fetchone()
            assert row is not None
            return int(row[0])

        assert database.run(owner, work) == 0
        assert len(pids) == 2
        assert pids[0] != pids[1] == server_pid(home)


def test_a_backend_killed_brings_all_down_and_all_come_back(home: Path, owner: str) -> None:
    with Database.open(home=home, url=None) as database:
        claims = database.claims()
        assert claims.try_claim("film")
        pid = database.run(owner, backend)
        os.kill(pid, signal.SIGKILL)  # PostgreSQL then restarts all its processes
        assert database.run(owner, backend) != pid
        while claims.held("film"):  # it may take the server a moment to end the others
            pass
        assert claims.try_claim("film")
        claims.close()
    assert not EmbeddedPostgres(home).is_running()


@pytest.mark.parametrize("leave_bytes", [24_000_000, 3_000_000], ids=["table first", "log first"])
def test_a_disk_that_fills_up_is_named_and_heals(small_disk: SmallDisk, owner: str, leave_bytes: int) -> None:
    with Database.open(home=small_disk.home, url=None) as database:
        small_disk.fill(leave_bytes=leave_bytes)
        with pytest.raises(StorageFull, match="space"):
            database.run(owner, lambda connection: connection.execute(INSERT_MODELS, [60_000]))
        small_disk.clear()
        assert database.run(owner, lambda connection: connection.execute(INSERT_MODELS, [1]).rowcount) == 1


@pytest.fixture
def rivals(database: Database) -> Iterator[tuple[Claims, Claims]]:
    pair = database.claims(), database.claims()
    yield pair
    for claims in pair:
        claims.close()


def test_a_claim_excludes_everybody_else_until_it_is_released(rivals: tuple[Claims, Claims]) -> None:
    first, second = rivals
    assert first.try_claim("film")
    assert not second.try_claim("film")
    assert second.try_claim("other film")
    assert first.held("film")
    assert not second.held("film")
    second.release("film")  # not his to give
    assert not second.try_claim("film")
    first.release("film")
    assert not first.held("film")
    assert second.try_claim("film")


def test_a_claim_is_not_given_twice_to_the_same_process(rivals: tuple[Claims, Claims]) -> None:
    first, second = rivals
    assert first.try_claim("film")
    assert not first.try_claim("film")
    first.release("film")
    assert second.try_claim("film")


def test_a_shared_key_is_held_until_the_last_of_its_holders_closes_and_outlives_a_connection(
    rivals: tuple[Claims, Claims], database: Database, owner: str, database_server: ServerUnderTest
) -> None:
    def seen() -> bool:
        with database.transaction(owner) as connection:
            return is_claimed(connection, "runs")

    first, second = rivals
    assert not seen()
    for claims in (first, second, second):
        claims.share("runs")
    second.close()
    assert seen()
    with database.transaction(owner) as connection:
        database_name = connection.info.dbname
    database_server.admin(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database d ON d.oid = database "
        f"WHERE locktype = 'advisory' AND d.datname = '{database_name}'"
    )
    assert not seen()
    assert first.try_claim("film")  # on a fresh connection
    assert seen()
    first.close()
    assert second.try_claim("film")  # its own connection knows nothing of what it shared before
    assert not seen()


def test_a_claim_can_be_seen_and_is_gone_with_its_connection(
    rivals: tuple[Claims, Claims], database: Database, owner: str, database_server: ServerUnderTest
) -> None:
    first, second = rivals
    keys = [f"film {number}" for number in range(8)]  # hashes of both signs
    assert all(first.try_claim(key) for key in keys)
    with database.transaction(owner) as connection:
        assert all(is_claimed(connection, key) for key in keys)
        assert not is_claimed(connection, "film 8")
        database_name = connection.info.dbname
    database_server.admin(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database d ON d.oid = database "
        f"WHERE locktype = 'advisory' AND d.datname = '{database_name}' LIMIT 1"
    )
    assert not first.held("film 0")
    assert second.try_claim("film 0")
    assert first.try_claim("film 1")  # on a fresh connection
    first.release("film 1")
    with database.transaction(owner) as connection:
        assert not is_claimed(connection, "film 1")
