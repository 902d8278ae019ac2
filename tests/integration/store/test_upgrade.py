"""A home made with PostgreSQL 16 is upgraded with the real programs of both versions."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from heimdex.errors import SchemaMismatch
from heimdex.store import cluster, initdb, postgres
from heimdex.store.accounts import Account
from heimdex.store.cluster import PostgresOptions, programs_folder, read_pid_file
from heimdex.store.postgres import EmbeddedPostgres

QUICK = PostgresOptions(durable=False)

OLD_MAJOR = 16


@pytest.fixture
def old_programs() -> Path:
    folder = programs_folder().parents[1] / "pginstall" / "bin"
    if not (folder / "postgres").exists():
        pytest.skip("the package carries no older PostgreSQL here")
    return folder


def initdb_of_old(data: Path, programs: Path, account: Account, *, checksums: bool) -> None:
    """PostgreSQL 16 has no built-in locale provider; and this one is to have no checksums."""
    initdb._run(
        [
            str(programs / "initdb"),
            f"--pgdata={data}",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
        ],
        account,
        data.parent,
    )


def ask(conninfo: str, question: str) -> object:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(question).fetchone()  # type: ignore[arg-type,unused-ignore]
        assert row is not None
        return row[0]


@pytest.mark.acceptance
@pytest.mark.parametrize("ended", ["in order", "killed"])
def test_a_cluster_of_an_older_version_is_upgraded(
    tmp_path: Path, old_programs: Path, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    home = tmp_path / ("a long and winding way to a home " * 4)  # its socket is elsewhere
    rows = ["CREATE EXTENSION vector", "CREATE TABLE kept AS SELECT '[1,2]'::halfvec(2) AS embedding"]
    with monkeypatch.context() as patch:
        for module in (cluster, initdb, postgres):
            patch.setattr(module, "MAJOR", OLD_MAJOR)
        patch.setattr(postgres, "programs_folder", lambda: old_programs)
        patch.setattr(initdb, "_initdb", initdb_of_old)
        older = EmbeddedPostgres(home)
        with psycopg.connect(older.start(), autocommit=True) as connection:
            for statement in rows:
                connection.execute(statement)
        if ended == "killed":
            found = read_pid_file(home / "postgres" / "16")
            assert found is not None
            os.kill(found.pid, signal.SIGKILL)
        older.close()

    server = EmbeddedPostgres(home, options=QUICK)
    conninfo = server.start()
    assert str(ask(conninfo, "SHOW server_version")).startswith("18.")
    assert ask(conninfo, "SELECT embedding::text FROM kept") == "[1,2]"
    server.close()
    clusters = {path.name for path in (home / "postgres").iterdir() if path.name[0].isdigit()}
    assert clusters == {"18", "16.replaced"}
    server.start()
    assert not (home / "postgres" / "16.replaced").exists()
    server.close()


def test_a_cluster_whose_programs_are_missing_is_named(tmp_path: Path) -> None:
    old = tmp_path / "postgres" / "14"
    old.mkdir(parents=True)
    (old / "PG_VERSION").write_text("14\n")
    with pytest.raises(SchemaMismatch, match="PostgreSQL 14"):
        EmbeddedPostgres(tmp_path, options=QUICK).start()
    assert not (tmp_path / "postgres" / "18").exists()
