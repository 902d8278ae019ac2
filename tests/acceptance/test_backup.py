"""Dump, wipe, restore, verify: with the command, on the embedded server, and from one version to the next."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from heimdex.app import Heimdex
from heimdex.pipeline import backups
from heimdex.store import cluster, initdb, postgres
from heimdex.store.cluster import PostgresOptions, programs_folder
from heimdex.store.migrate import migrate
from heimdex.store.postgres import EmbeddedPostgres
from tests.acceptance.homes import Home, faults, finish, snapshot, wait_for
from tests.integration.store.test_upgrade import OLD_MAJOR, initdb_of_old

pytestmark = pytest.mark.acceptance

MakeHome = Callable[..., Home]
ASKED = ("red", "night street", "film")


def answers(home: Home) -> list[Any]:
    with home.open() as library:
        found = [library.search(text, nearest=True) for text in ASKED]
    return [(answer.verdict, answer.hits) for answer in found]


def test_a_home_that_was_wiped_is_restored_whole(home: Home, small_library: Path, tmp_path: Path) -> None:
    home.index(small_library)
    before = answers(home)
    assert any(hits for _, hits in before)
    made = home.run("backup", str(tmp_path / "backup"))
    home.stop()
    shutil.rmtree(home.path)
    restored = home.run("restore", str(tmp_path / "backup"))
    assert (restored["assets"], restored["files"]) == (made["assets"], made["files"])
    assert home.run("verify", "--sample", "-1")["ok"]
    assert answers(home) == before
    refused = home.run("restore", str(tmp_path / "backup"), code=2)
    assert "--replace" in refused["error"]["message"]


def test_a_backup_amid_an_index_run_is_whole_after_the_next_run(
    make_home: MakeHome, small_library: Path, tmp_path: Path
) -> None:
    busy, other = make_home(), make_home()
    running = busy.start("index", str(small_library), "--json")
    assert wait_for(lambda: any((busy.path / "derived").rglob("*.jpg")))
    busy.run("backup", str(tmp_path / "backup"))
    assert finish(running).code == 0
    other.run("restore", str(tmp_path / "backup"))
    other.index(small_library)
    assert faults(other) == []
    assert snapshot(other).counts["assets"] == snapshot(busy).counts["assets"]


def test_a_dump_of_an_older_postgresql_is_restored_into_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_programs = programs_folder().parents[1] / "pginstall" / "bin"
    if not (old_programs / "postgres").exists():
        pytest.skip("the package carries no older PostgreSQL here")
    owner = "00000000-0000-7000-8000-000000000001"
    old_home, quick = tmp_path / "old", PostgresOptions(durable=False)
    old_home.mkdir()
    with monkeypatch.context() as patch:
        for module in (cluster, initdb, postgres):
            patch.setattr(module, "MAJOR", OLD_MAJOR)
        patch.setattr(postgres, "programs_folder", lambda: old_programs)
        patch.setattr(initdb, "_initdb", initdb_of_old)
        older = EmbeddedPostgres(old_home, options=quick)
        root = older.start()
    try:
        with psycopg.connect(root, autocommit=True) as connection:
            connection.execute("CREATE DATABASE heimdex")
        admin = make_conninfo(root, dbname="heimdex")
        with psycopg.connect(admin) as connection:
            migrate(connection)
            connection.execute("INSERT INTO heimdex.term_language VALUES (%s, 'ko')", [owner])
        made = backups.make_backup(admin, old_home, tmp_path / "backup", written_by="0")
    finally:
        older.stop_now()
        older.close()
    assert made.server.startswith(f"{OLD_MAJOR}.")
    with Heimdex(home=tmp_path / "new", owner=owner) as heimdex:
        heimdex.backups.restore(tmp_path / "backup")
        with heimdex.database.transaction(owner) as connection:
            assert connection.info.server_version // 10_000 == cluster.MAJOR
            assert connection.execute("SELECT language FROM heimdex.term_language").fetchall() == [("ko",)]
