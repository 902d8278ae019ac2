"""Backup and restore of a database behind a URL: all owners, all or nothing, older schemas too."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from heimdex.app import Heimdex
from heimdex.errors import ArchiveFault, SchemaMismatch, StoreError, UsageError
from heimdex.pipeline import backups
from heimdex.store import dumps
from heimdex.store.database import Database
from heimdex.store.migrate import SCHEMA_FOLDER, migrate, pending
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.library import DIM, add_asset, make_model, unit

# Who may do what: with tables, functions and what is made in future.
RIGHTS = """
SELECT kind, name, array_to_string(array(SELECT one::text FROM unnest(rights) one ORDER BY 1), ' ') FROM (
    SELECT 'tables', relname::text, relacl FROM pg_class
     WHERE relnamespace = 'heimdex'::regnamespace AND relkind IN ('r', 'v')
    UNION ALL
    SELECT 'functions', proname::text, proacl FROM pg_proc WHERE pronamespace = 'heimdex'::regnamespace
    UNION ALL
    SELECT 'future', defaclobjtype::text || (defaclnamespace <> 0)::text, defaclacl FROM pg_default_acl
) given (kind, name, rights) ORDER BY 1, 2"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A home over a database of its own."""

    home: Path
    url: str
    admin: str

    def open(self, **given: Any) -> Heimdex:
        settings: dict[str, Any] = {
            "home": self.home,
            "database_url": self.url,
            "database_admin_url": self.admin,
        }
        return Heimdex(**(settings | given))

    def counts(self) -> list[tuple[Any, ...]]:
        """How much every table holds, of all owners, and a sum over all vectors."""
        with psycopg.connect(self.admin) as connection:
            tables = [
                row[0]
                for row in connection.execute(
                    "SELECT relname FROM pg_class WHERE relkind = 'r' "
                    "AND relnamespace = 'heimdex'::regnamespace ORDER BY 1"
                )
            ]
            rows: list[tuple[Any, ...]] = []
            for table in tables:
                told = "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM heimdex.{} t"
                rows += [(table, *row) for row in connection.execute(SQL(told).format(Identifier(table)))]
            rows += connection.execute(RIGHTS).fetchall()
            rows += connection.execute(
                "SELECT 'policies', count(*), string_agg(tablename || qual, ' ' ORDER BY tablename, qual) "
                "FROM pg_policies WHERE schemaname = 'heimdex'"
            ).fetchall()
            return rows


@pytest.fixture
def places(database_server: ServerUnderTest, tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    made: list[str] = []

    def make(template: str = TEMPLATE) -> Place:
        name = f"backup_{uuid.uuid4().hex}"
        database_server.admin(f"CREATE DATABASE {name} TEMPLATE {template}")
        made.append(name)
        return Place(
            home=tmp_path / name,
            url=database_server.url(name),
            admin=database_server.url(name, user="postgres"),
        )

    yield make
    for name in made:
        database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


Make = Callable[..., Place]


@pytest.fixture
def full(places: Make) -> Place:
    """Two owners with an asset and a kept frame each; the space has its index."""
    place = places()
    with place.open() as heimdex:
        for number in range(2):
            owner = str(uuid.uuid4())
            model = make_model(heimdex.database, owner)
            rng = np.random.default_rng(number)
            made = add_asset(
                heimdex.database, owner, model, f"/media/{owner}.mp4", [unit(rng.standard_normal((3, DIM)))]
            )
            folder = heimdex.for_owner(owner).derived.attempt_folder(made.asset_id, 1)
            folder.mkdir(parents=True)
            (folder / "frame.jpg").write_bytes(f"frame of {owner}".encode())
        space = model.spaces[0].space_id
        heimdex.database.run(
            owner, lambda c: c.execute("SELECT heimdex.build_space_index(%s::int2)", [space])
        )
    return place


def files(home: Path) -> dict[str, bytes]:
    root = home / "derived"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_all_owners_rows_policies_indexes_and_frames_come_back(
    full: Place, places: Make, tmp_path: Path
) -> None:
    with full.open() as heimdex:
        made = heimdex.backups.make(tmp_path / "backup")
    assert (made["owners"], made["assets"], made["files"]) == (2, 2, 2)
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    empty = places()
    with empty.open() as heimdex:
        heimdex.backups.restore(tmp_path / "backup")
    with empty.open() as heimdex:
        assert heimdex.assets()["assets"] == []  # of this owner there was nothing: the policies hold
        with heimdex.database.transaction(str(uuid.uuid4())) as connection:
            found = connection.execute("SELECT to_regclass('heimdex.vector_space_1_hnsw')").fetchone()
            assert found is not None
            assert str(found[0]).endswith("hnsw")
            assert connection.execute("SELECT count(*) FROM heimdex.asset").fetchone() == (0,)
            kept = connection.execute(
                "SELECT reltuples FROM pg_class WHERE oid = 'heimdex.vector'::regclass"
            ).fetchone()
            assert kept == (6.0,)  # statistics are there
    assert empty.counts() == full.counts()
    assert files(empty.home) == files(full.home)
    with pytest.raises(UsageError, match="not empty"), full.open() as heimdex:
        heimdex.backups.make(tmp_path / "backup")


def test_a_library_that_is_there_is_replaced_only_when_asked(full: Place, tmp_path: Path) -> None:
    with full.open() as heimdex:
        heimdex.backups.make(tmp_path / "backup")
    before, frames = full.counts(), files(full.home)
    frame = next(path for path in (full.home / "derived").rglob("*.jpg"))
    frame.write_bytes(b"spoilt")
    with psycopg.connect(full.admin, autocommit=True) as connection:
        connection.execute("DELETE FROM heimdex.scene")
    with full.open() as heimdex:
        with pytest.raises(UsageError, match=r"2 assets of 2 owners.*--replace"):
            heimdex.backups.restore(tmp_path / "backup")
        assert full.counts() != before
        heimdex.backups.restore(tmp_path / "backup", replace=True)
    assert (full.counts(), files(full.home)) == (before, frames)


def test_a_restore_that_fails_leaves_everything_as_it_was(
    full: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backup"
    with full.open() as heimdex:
        heimdex.backups.make(folder)
        before = full.counts()
        document = json.loads((folder / backups.MANIFEST).read_text())

        def refused(error: type[Exception], match: str, **changes: object) -> None:
            (folder / backups.MANIFEST).write_text(json.dumps(document | changes))
            with pytest.raises(error, match=match):
                heimdex.backups.restore(folder, replace=True)
            assert full.counts() == before

        whole = (folder / backups.DUMP).read_bytes()
        (folder / backups.DUMP).write_bytes(whole[: len(whole) * 2 // 3])
        refused(ArchiveFault, "its checksum differs")
        cut = hashlib.sha256((folder / backups.DUMP).read_bytes()).hexdigest()
        refused(ArchiveFault, "cannot be restored", dump_sha256=cut)
        (folder / backups.DUMP).write_bytes(whole)
        refused(SchemaMismatch, "newer than this one", migrations=[*document["migrations"], "9999_later.sql"])
        refused(ArchiveFault, "no manifest of a backup", version=2)
        refused(ArchiveFault, "is damaged", owners_of="somebody")
        refused(ArchiveFault, "holds 2 files of 3", files=3)
        with psycopg.connect(full.admin) as other, monkeypatch.context() as patch:
            patch.setattr(dumps, "LOCK_PATIENCE", "100ms")
            other.execute("LOCK TABLE heimdex.scene IN SHARE MODE")
            refused(StoreError, "Others use this database")
        (folder / backups.MANIFEST).unlink()
        with pytest.raises(ArchiveFault, match="did not end"):
            heimdex.backups.restore(folder, replace=True)
        heimdex.backups.make(tmp_path / "again")


def test_a_backup_of_an_older_heimdex_is_brought_up_to_date(
    database_server: ServerUnderTest, places: Make, tmp_path: Path
) -> None:
    older = places("template0")
    schema = tmp_path / "schema"
    shutil.copytree(SCHEMA_FOLDER, schema)
    for path in sorted(schema.glob("*.sql"))[-2:]:
        path.unlink()
    with psycopg.connect(older.admin) as connection:
        migrate(connection, schema)
        connection.execute(
            "INSERT INTO heimdex.term_language VALUES ('00000000-0000-7000-8000-000000000001', 'en')"
        )
    older.home.mkdir()
    made = backups.make_backup(older.admin, older.home, tmp_path / "backup", written_by="0.1")
    newer = places()
    with newer.open() as heimdex:
        heimdex.backups.restore(tmp_path / "backup")
        with heimdex.database.transaction(heimdex.owner) as connection:
            assert {m.name for m in pending(connection)} == {
                path.name for path in SCHEMA_FOLDER.glob("*.sql")
            } - set(made.migrations)
    with Database.open(home=newer.home, url=newer.url, admin_url=newer.admin) as database:
        owner = "00000000-0000-7000-8000-000000000001"
        with database.transaction(owner) as connection:
            assert pending(connection) == ()
            assert connection.execute("SELECT language FROM heimdex.term_language").fetchall() == [("en",)]


def test_who_does_not_see_every_row_makes_no_backup(full: Place, tmp_path: Path) -> None:
    for given, match in (
        ({"database_admin_url": None}, "HEIMDEX_DATABASE_ADMIN_URL"),
        ({"database_admin_url": full.url}, "SUPERUSER or BYPASSRLS"),
    ):
        with full.open(**given) as heimdex, pytest.raises(UsageError, match=match):
            heimdex.backups.make(tmp_path / "backup")
        assert not list((tmp_path / "backup").glob("*"))


def test_no_password_stands_in_the_list_of_processes() -> None:
    login, environment = dumps._login("postgresql://admin:se%20cret@db.example/heimdex?sslmode=require")
    assert "cret" not in login
    assert environment["PGPASSWORD"] == "se cret"
    assert "sslmode=require" in login


def test_a_role_that_is_missing_is_named(full: Place, tmp_path: Path) -> None:
    with psycopg.connect(full.admin, autocommit=True) as admin:
        admin.execute("CREATE ROLE heimdex_somebody")
        admin.execute("GRANT SELECT ON heimdex.video_scenes TO heimdex_somebody")
        with full.open() as heimdex:
            heimdex.backups.make(tmp_path / "backup")
            admin.execute("DROP OWNED BY heimdex_somebody; DROP ROLE heimdex_somebody")
            before = full.counts()
            with pytest.raises(StoreError, match=r'role "heimdex_somebody" does not exist.*make it'):
                heimdex.backups.restore(tmp_path / "backup", replace=True)
    assert full.counts() == before
