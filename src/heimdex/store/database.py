"""Connections and transactions: every one of them belongs to an owner, and heals what can be healed."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

import heimdex.store.half_dumper  # noqa: F401, connections know vectors from the start
from heimdex.errors import DatabaseUnavailable, SchemaMismatch, StoreError
from heimdex.store import halves  # noqa: F401  (a connection knows the types registered before it was opened)
from heimdex.store.claims import Claims, is_claimed
from heimdex.store.conninfo import DATABASE_NAME, app_of, create_database, external, session_name
from heimdex.store.faults import translate
from heimdex.store.further import FurtherSchema, pending_steps
from heimdex.store.migrate import migrate, pending
from heimdex.store.postgres import EmbeddedPostgres
from heimdex.store.roles import check_login

__all__ = ["Claims", "Database", "PoolUse", "is_claimed"]

QUEUE_SCHEMA = "heimdex_queue"
PATIENCE_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0  # between two tries of a transaction

T = TypeVar("T")

# A plan is made for the values at hand: tenants differ so much in size that a plan kept from one of them may
# be far too slow for the next, and the owner is a setting, which a kept plan would not even see.
_SESSION = (
    "SELECT set_config('search_path', 'heimdex, public, heimdex_queue', false), "
    "set_config('TimeZone', 'UTC', false), "
    "set_config('plan_cache_mode', 'force_custom_plan', false), "
    "set_config('idle_session_timeout', '0', false), "
    # So that a server far away frees the claims of a machine that was cut off.
    "set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false), "
    "set_config('tcp_keepalives_count', '3', false)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolUse:
    """Connections of one process: how many there may be, are in a transaction, and wait for the next."""

    most: int
    busy: int
    idle: int


class Database:
    """The one database of a home, or the one behind a URL. Thread-safe; does not cross a fork.

    At most `pool_size` transactions are open at once; their connections are opened when first needed.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        embedded: EmbeddedPostgres | None = None,
        pool_size: int = 4,
        further: Sequence[FurtherSchema] = (),
    ):
        self._name = session_name(conninfo)
        self._conninfo = make_conninfo(conninfo, application_name=self._name)
        self._embedded = embedded
        self._further = tuple(further)
        self._permits = threading.BoundedSemaphore(pool_size)
        self._pool_size, self._busy = pool_size, 0
        self._idle: list[Connection[TupleRow]] = []
        self._guard = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        self.applied: tuple[str, ...] = ()  # the migrations that opening it applied

    @classmethod
    def open(
        cls,
        *,
        home: Path,
        url: str | None,
        admin_url: str | None = None,
        pool_size: int = 4,
        further: Sequence[FurtherSchema] = (),
    ) -> Database:
        """Connect as the application, bring the schema up to date, and check who we are.

        Without a `url` the embedded server of `home` is started. `admin_url` is the login that may change the
        schema; it is used only when something is to be changed. `further` are schemas of libraries, to be
        kept up to date beside ours. Raises DatabaseUnavailable, StorageFull, SchemaMismatch, UnsafeRole.
        """
        if url is not None:
            database = cls(external(url), pool_size=pool_size, further=further)
            admin = external(admin_url) if admin_url is not None else None
        else:
            embedded = EmbeddedPostgres(home)
            try:
                root = embedded.start()
            except BaseException:  # Ctrl-C too: a server that was just started must not stay behind
                embedded.close()
                raise
            database = cls(app_of(root), embedded=embedded, pool_size=pool_size, further=further)
            admin = make_conninfo(root, dbname=DATABASE_NAME, application_name="heimdex migrate")
        try:
            database._prepare(admin)
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def transaction(self, owner: str, *, read_only: bool = False) -> Iterator[Connection[TupleRow]]:
        """One transaction as `owner`: committed at the end, rolled back by any exception.

        `owner` is a UUID; the row policies show and accept this owner's rows only. A read-only transaction
        sees one state of the database throughout. Raises StoreError and its kin for whatever psycopg raises.
        """
        if os.getpid() != self._process:
            raise StoreError("A Database does not cross a fork; open another one in the child process.")
        if not self._permits.acquire(timeout=PATIENCE_S):
            raise DatabaseUnavailable(
                f"All connections to the database have been busy for {PATIENCE_S:.0f} s; try again, or allow "
                "more of them."
            )
        with self._opened(owner, read_only=read_only) as connection:
            yield connection

    @contextmanager
    def beside(self, owner: str) -> Iterator[Connection[TupleRow] | None]:
        """A read-only transaction beside one that this thread holds; None where no connection is free.

        It does not wait: two that hold one each and wait for a second would wait for ever.
        """
        if not self._permits.acquire(blocking=False):
            yield None
            return
        with self._opened(owner, read_only=True) as connection:
            yield connection

    @contextmanager
    def _opened(self, owner: str, *, read_only: bool) -> Iterator[Connection[TupleRow]]:
        """A transaction for a permit that was got; gives it back."""
        connection = None
        with self._guard:
            self._busy += 1
        try:
            connection = self._begin(owner, read_only=read_only)
            yield connection
            connection.commit()
        except psycopg.Error as err:
            raise translate(err) from err
        finally:
            if connection is not None:
                self._put_back(connection)
            with self._guard:
                self._busy -= 1
            self._permits.release()

    def run(
        self,
        owner: str,
        work: Callable[[Connection[TupleRow]], T],
        *,
        read_only: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> T:
        """Run `work` in a transaction, again from the start while the database cannot be reached.

        Covers lost connections, a restarting server (the embedded one is started again), serialization
        failures and deadlocks. When the connection is lost in the very moment of the commit, work that was
        done is done again: it has to bear that, as replacing rows or a fencing token does. Raises
        DatabaseUnavailable after `patience_s`, StorageFull at once, and whatever `work` raises.
        """
        deadline = time.monotonic() + patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                with self.transaction(owner, read_only=read_only) as connection:
                    return work(connection)
            except DatabaseUnavailable:
                if self._closed or time.monotonic() + pause_s > deadline:
                    raise
            time.sleep(pause_s * random.uniform(0.5, 1.0))  # two that collided must not collide again
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    @property
    def embedded(self) -> EmbeddedPostgres | None:
        """The embedded server, or None where the database is behind a URL."""
        return self._embedded

    @property
    def session_name(self) -> str:
        """The application_name of all connections of this object, by which others can end them."""
        return self._name

    def conninfo(self) -> str:
        """How to connect as this object does, for a library that keeps its own connections.

        Starts the embedded server again where it went away.
        """
        with self._connect_autocommit():
            return make_conninfo(self._conninfo, options=f"-c search_path={QUEUE_SCHEMA} -c TimeZone=UTC")

    @property
    def pool_use(self) -> PoolUse:
        """How many connections are in use now."""
        with self._guard:
            return PoolUse(most=self._pool_size, busy=self._busy, idle=len(self._idle))

    def claims(self) -> Claims:
        """Claims on a connection of their own, opened at the first claim. Close them before the database."""
        return Claims(self._connect_autocommit)

    def close(self) -> None:
        """Close the idle connections; leave the embedded server, which stops if nobody else uses it."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        if self._embedded is not None:
            self._embedded.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self, admin: str | None) -> None:
        """Bring the schema up to date; wait for the embedded server where it is still recovering."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if self._lacks_migrations():
                    self._migrate(admin)
                    self._look()
            except DatabaseUnavailable:
                if self._embedded is None or time.monotonic() > deadline:
                    raise
                time.sleep(FIRST_PAUSE_S)
            else:
                return

    def _lacks_migrations(self) -> bool:
        try:
            return self._look()
        except DatabaseUnavailable:
            if self._embedded is None:
                raise
            return True  # a new cluster has neither our role nor our database

    def _look(self) -> bool:
        """Check login and schema on a connection that is then kept; True when migrations are missing."""
        connection = None
        try:
            connection = self._connect()
            check_login(connection)
            return bool(pending(connection)) or any(
                pending_steps(connection, schema) for schema in self._further
            )
        except psycopg.Error as err:
            raise translate(err) from err
        finally:
            if connection is not None:
                self._put_back(connection)

    def _migrate(self, admin: str | None) -> None:
        if admin is None:
            raise SchemaMismatch(
                "The database lacks tables of this Heimdex, and its login may not make them; give "
                "HEIMDEX_DATABASE_ADMIN_URL, a login that may, for one run."
            )
        try:
            if self._embedded is not None:
                create_database(admin)
            with psycopg.connect(admin) as connection:
                self.applied += migrate(connection, further=self._further)
        except psycopg.Error as err:
            raise translate(err) from err

    def _begin(self, owner: str, *, read_only: bool) -> Connection[TupleRow]:
        """A connection with its transaction begun. An idle one that has died meanwhile is replaced."""
        while True:
            with self._guard:
                idle = self._idle.pop() if self._idle else None
            connection = idle or self._connect()
            try:
                connection.read_only = read_only or None
                connection.isolation_level = IsolationLevel.REPEATABLE_READ if read_only else None
                connection.execute("SELECT set_config('heimdex.owner', %s, true)", [owner])
            except psycopg.OperationalError:
                connection.close()
                if idle is None:
                    raise
            except BaseException:
                connection.close()
                raise
            else:
                return connection

    def _put_back(self, connection: Connection[TupleRow]) -> None:
        with suppress(psycopg.Error):
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                connection.rollback()
            with self._guard:
                if not connection.closed and not self._closed:
                    self._idle.append(connection)
                    return
        connection.close()

    def _connect(self) -> Connection[TupleRow]:
        connection = self._connect_autocommit()
        connection.autocommit = False
        return connection

    def _connect_autocommit(self) -> Connection[TupleRow]:
        try:
            connection = psycopg.connect(self._conninfo, autocommit=True)
        except psycopg.OperationalError:
            if self._embedded is None or self._closed:  # who comes too late must not start the server again
                raise
            root = self._embedded.start()
            self._conninfo = make_conninfo(app_of(root), application_name=self._name)
            connection = psycopg.connect(self._conninfo, autocommit=True)
        try:
            connection.execute(_SESSION)
        except BaseException:
            connection.close()
            raise
        return connection
