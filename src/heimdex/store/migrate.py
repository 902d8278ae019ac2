"""The schema, file by file: schema/NNNN_name.sql in order, each once, each in a transaction of its own.

What was applied stands in heimdex.migration with the file's checksum. When all is applied, the check is one
query as the application's own login; nobody needs the admin login then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from heimdex.errors import SchemaMismatch, StoreError
from heimdex.store.faults import translate
from heimdex.store.further import OWNER_ROLE, FurtherSchema, apply_steps

SCHEMA_FOLDER = Path(__file__).parent / "schema"
OLDEST_SERVER = 15
OLDEST_VECTOR = (0, 8)

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK = 0x4845_494D_4445_5801  # "HEIMDEX", 1: an advisory lock per database


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One file of the schema. `sha256` is that of its text with plain line ends."""

    name: str
    sha256: str
    statements: str

    @property
    def makes_roles(self) -> bool:
        """The first file runs as the admin login, all others as heimdex_owner."""
        return self.name.startswith("0000_")


def migrations(folder: Path = SCHEMA_FOLDER) -> tuple[Migration, ...]:
    """The files of the schema in order. Raises StoreError for names out of form or numbers used twice."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        if not _NAME.fullmatch(path.name) or (found and found[-1].name[:4] == path.name[:4]):
            raise StoreError(f"schema file {path.name} must be named NNNN_name.sql with a number of its own")
        digest = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(name=path.name, sha256=digest, statements=text))
    return tuple(found)


def pending(connection: Connection[Any], folder: Path = SCHEMA_FOLDER) -> tuple[Migration, ...]:
    """The migrations that this database still lacks.

    Raises SchemaMismatch when the schema is newer than this code, or was made by other files than these.
    """
    applied = _applied(connection)
    known = migrations(folder)
    newer = sorted(applied.keys() - {migration.name for migration in known})
    if newer:
        raise SchemaMismatch(
            f"The database's schema is newer than this Heimdex (it has {', '.join(newer)}); update Heimdex, "
            "or use another database."
        )
    changed = [m.name for m in known if applied.get(m.name, m.sha256) != m.sha256]
    if changed:
        raise SchemaMismatch(
            f"The database's schema was made by other versions of {', '.join(changed)} than this Heimdex "
            "has; use the Heimdex that made it, or index again into a new database."
        )
    return tuple(migration for migration in known if migration.name not in applied)


def migrate(
    connection: Connection[Any], folder: Path = SCHEMA_FOLDER, *, further: Sequence[FurtherSchema] = ()
) -> tuple[str, ...]:
    """Bring the schema up to date, `further` ones after it, and return the names of what was applied.

    `connection` is the admin login's: a superuser, or a role that may create roles and extensions. Any number
    of processes may do this at once. Raises SchemaMismatch (see `pending`; also when the server or pgvector
    is too old), or StoreError when a file fails; that file then left no trace.
    """
    applied = []
    with _as_store_errors(), _alone(connection):
        for migration in pending(connection, folder):
            _check_server(connection)
            with connection.transaction():
                _apply(connection, migration)
            applied.append(migration.name)
        for schema in further:
            applied += apply_steps(connection, schema)
    return tuple(applied)


@contextmanager
def _as_store_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as err:
        raise translate(err) from err


@contextmanager
def _alone(connection: Connection[Any]) -> Iterator[None]:
    """Hold the database's migration lock; whoever comes second waits and then finds nothing to do."""
    connection.autocommit = True
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _applied(connection: Connection[Any]) -> Mapping[str, str]:
    # to_regclass is NULL where the schema or the table is missing, or the role may not look into the schema.
    there = connection.execute(
        "SELECT to_regclass('heimdex.migration') IS NOT NULL "
        "AND has_table_privilege('heimdex.migration', 'SELECT')"
    ).fetchone()
    if not (there and there[0]):
        return {}
    return dict(connection.execute("SELECT name, sha256 FROM heimdex.migration").fetchall())


def _apply(connection: Connection[Any], migration: Migration) -> None:
    if not migration.makes_roles:
        connection.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    connection.execute("SET LOCAL search_path = heimdex, public")
    connection.execute(migration.statements)
    connection.execute(
        "INSERT INTO heimdex.migration (name, sha256) VALUES (%s, %s)", [migration.name, migration.sha256]
    )


def _check_server(connection: Connection[Any]) -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST_SERVER:
        raise SchemaMismatch(
            f"PostgreSQL {version} is too old: Heimdex needs {OLDEST_SERVER} or newer; upgrade the server."
        )
    row = connection.execute(
        "SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector'), "
        "(SELECT default_version FROM pg_available_extensions WHERE name = 'vector'), "
        "current_setting('server_encoding')"
    ).fetchone()
    installed, available, encoding = row or (None, None, None)
    if encoding != "UTF8":
        raise SchemaMismatch(f"The database's encoding is {encoding}; create it with ENCODING 'UTF8'.")
    if installed is None and available is None:
        raise SchemaMismatch("The server lacks the extension pgvector; install version 0.8 or newer there.")
    if _numbers(installed or available or "0") < OLDEST_VECTOR:
        mend = "run ALTER EXTENSION vector UPDATE as an administrator" if installed else "upgrade it"
        if _numbers(available or "0") < OLDEST_VECTOR:
            mend = "install 0.8 or newer on the server, then run ALTER EXTENSION vector UPDATE"
        raise SchemaMismatch(f"pgvector {installed or available} is too old, Heimdex needs 0.8: {mend}.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
