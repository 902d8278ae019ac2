"""The database in a file and back, by PostgreSQL's own programs: all owners, one state, all or nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from heimdex.errors import ArchiveFault, StorageFull, StoreError, UsageError
from heimdex.store.cluster import programs_folder
from heimdex.store.conninfo import DATABASE_NAME
from heimdex.store.database import Database
from heimdex.store.faults import is_disk_full, translate
from heimdex.store.initdb import clean_environment
from heimdex.store.sql import queries

SQL = queries("dumps")
LOCK_PATIENCE = "20s"  # others that use the database have to let go
CHUNK_BYTES = 1 << 20

_ROLE = re.compile('role ".*" does not exist')


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What the database of an installation holds."""

    server: str  # its version
    schemas: tuple[str, ...]
    migrations: tuple[str, ...]
    owners: int
    assets: int


def admin_login(database: Database, admin_url: str | None) -> str:
    """The conninfo of the login that may read and write the rows of all owners. Raises UsageError."""
    if database.embedded is not None:
        return make_conninfo(database.embedded.start(), dbname=DATABASE_NAME)
    if admin_url is None:
        raise UsageError(
            "The rows of all owners are read by an administrator of the database; give "
            "HEIMDEX_DATABASE_ADMIN_URL, or take out one owner's index with `heimdex export-index`."
        )
    return admin_url


def look(admin: str) -> Content:
    """What there is. Raises StoreError, and UsageError where the login does not see every row."""
    try:
        with psycopg.connect(admin) as connection:
            if not _row(connection, "sees_all_rows")[0]:
                raise UsageError(
                    "The login of HEIMDEX_DATABASE_ADMIN_URL does not see the rows of every owner: it needs "
                    "SUPERUSER or BYPASSRLS. Where the server gives neither, use `heimdex export-index` "
                    "for each owner."
                )
            owners, assets = _row(connection, "count_all")
            return Content(
                server=connection.info.parameter_status("server_version") or "",
                schemas=tuple(row[0] for row in connection.execute(SQL["our_schemas"])),
                migrations=tuple(row[0] for row in connection.execute(SQL["applied"])),
                owners=owners,
                assets=assets,
            )
    except psycopg.Error as error:
        raise translate(error) from error


def dump(admin: str, schemas: Sequence[str], file: Path) -> None:
    """Write the schemas into a file, as they are at one moment. Raises StoreError, StorageFull."""
    names = [f"--schema={_quoted(schema)}" for schema in schemas]
    login, environment = _login(admin)
    done = subprocess.run(
        [str(programs_folder() / "pg_dump"), "--format=custom", *names, f"--file={file}", login],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )
    if done.returncode != 0:
        file.unlink(missing_ok=True)
        raise _fault("pg_dump", done.returncode, done.stderr)


def restore(admin: str, file: Path) -> None:
    """Put what `dump` wrote in place of what is there, in one transaction.

    Raises ArchiveFault for a file that is no whole dump, StoreError, StorageFull; nothing was changed then.
    """
    programs = programs_folder()
    login, environment = _login(admin)
    environment["PGOPTIONS"] = f"-c lock_timeout={LOCK_PATIENCE} -c client_min_messages=warning"
    psql = [str(programs / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"]
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as refused:
        writer = subprocess.Popen(
            [*psql, f"--command={SQL['drop_ours']}", "--file=-", login],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=refused,
            env=environment,
        )
        reader = subprocess.Popen(
            [str(programs / "pg_restore"), "--file=-", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=told,
            env=environment,
        )
        try:
            _pass_on(reader, writer, told, file)
        finally:
            for process in (reader, writer):
                if process.poll() is None:
                    process.kill()  # the server rolls back what was not committed
                process.wait()
                for stream in (process.stdin, process.stdout):
                    if stream is not None:
                        with suppress(OSError):
                            stream.close()
        if writer.returncode != 0:
            raise _fault("psql", writer.returncode, _said(refused))
    try:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(SQL["renew_statistics"])
    except psycopg.Error as error:
        raise translate(error) from error


def _pass_on(
    reader: subprocess.Popen[bytes], writer: subprocess.Popen[bytes], told: IO[bytes], file: Path
) -> None:
    """What one says the other is told. Only at a proper end the writer hears of it, and commits."""
    assert reader.stdout is not None
    assert writer.stdin is not None
    try:
        shutil.copyfileobj(reader.stdout, writer.stdin, CHUNK_BYTES)
        writer.stdin.flush()
    except BrokenPipeError:  # the writer gave up, and says why
        writer.wait()
        return
    if reader.wait() != 0:
        raise ArchiveFault(f"{file} cannot be restored: {_said(told).decode('utf-8', 'replace').strip()}")
    writer.stdin.close()
    writer.wait()


def _login(admin: str) -> tuple[str, dict[str, str]]:
    """A conninfo without its password, which the list of processes would show; and where it goes."""
    given: dict[str, Any] = conninfo_to_dict(admin)
    environment = clean_environment() | {"HOME": str(Path.home())}
    password = given.pop("password", None)
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    return f"--dbname={make_conninfo(**given)}", environment


def _fault(program: str, code: int, said: bytes) -> StoreError:
    text = said.decode("utf-8", "replace").strip()[-1500:]
    if is_disk_full(text):
        return StorageFull(f"No space left ({text}); free some and try again.")
    if "lock timeout" in text:
        return StoreError("Others use this database; stop `heimdex serve` and the workers, then try again.")
    missing = _ROLE.search(text)
    if missing is not None:
        return StoreError(
            f"The backup gives rights to somebody whom this server does not know ({missing[0]}); make it as "
            "an administrator, without rights, then try again."
        )
    return StoreError(f"{program} ended with {code} and said:\n{text}")


def _said(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def _row(connection: Connection[Any], name: str) -> tuple[Any, ...]:
    row = connection.execute(SQL[name]).fetchone()
    assert row is not None
    return tuple(row)


def _quoted(name: str) -> str:
    """A schema's name as a pattern that matches nothing else."""
    return '"' + name.replace('"', '""') + '"'
