"""Claims: who works on what. A claim is a session advisory lock, so it dies with its process.

The claim on a key is the exclusive lock on the key's 64-bit hash, in the one database.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection

from heimdex.errors import StoreError
from heimdex.store.faults import translate

_SHARE = "SELECT pg_try_advisory_lock_shared(%s)"


class Claims:
    """The claims of one process, on one connection of their own. Made by `Database.claims`. Thread-safe.

    If the connection is lost, so are all claims: others may take them. That is what the ledger's fencing
    tokens are for; `held` tells.
    """

    def __init__(self, connect: Callable[[], Connection[Any]]):
        self._connect = connect
        self._connection: Connection[Any] | None = None
        self._held: set[str] = set()
        self._shared: set[str] = set()
        self._guard = threading.Lock()

    def try_claim(self, key: str) -> bool:
        """Take the key if nobody has it, this object included. Raises DatabaseUnavailable."""
        with self._guard:
            taken = self._ask("SELECT pg_try_advisory_lock(%s)", key, again=True)
            if key in self._held:
                if taken:  # a session may lock twice, and then would have to unlock twice
                    self._ask("SELECT pg_advisory_unlock(%s)", key)
                return False
            if taken:
                self._held.add(key)
            return taken

    def share(self, key: str) -> None:
        """Be one of those that hold the key together, until `close`; taken again after a lost connection.

        Nobody claims such a key for itself: `is_claimed` tells whether anybody is there. Raises
        DatabaseUnavailable.
        """
        with self._guard:
            if key not in self._shared:
                self._ask(_SHARE, key, again=True)
                self._shared.add(key)

    def release(self, key: str) -> None:
        """Give the key back. One that was lost, or never held, is no error."""
        with self._guard:
            if key in self._held:
                self._held.discard(key)
                with suppress(StoreError):  # then the server has released it
                    self._ask("SELECT pg_advisory_unlock(%s)", key)

    def held(self, key: str) -> bool:
        """Whether the key is still ours; asks the server."""
        with self._guard:
            if key not in self._held:
                return False
            try:
                self._ask("SELECT true OR %s = 0", key)
            except StoreError:
                return False
            return True

    def close(self) -> None:
        """Give everything back."""
        with self._guard:
            self._shared.clear()
            self._drop()

    def _ask(self, statement: str, key: str, *, again: bool = False) -> bool:
        """One question about a key. A lost connection loses all claims; `again` asks on a fresh one."""
        again = again and self._connection is not None
        try:
            if self._connection is None:
                self._connection = self._connect()
                for shared in self._shared:
                    self._connection.execute(_SHARE, [claim_number(shared)])
            row = self._connection.execute(statement, [claim_number(key)]).fetchone()
        except psycopg.Error as err:
            self._drop()
            if not again:
                raise translate(err) from err
            return self._ask(statement, key)
        return bool(row and row[0])

    def _drop(self) -> None:
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def claim_number(key: str) -> int:
    """The advisory lock of a key: a signed 64-bit number out of its BLAKE2b hash."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8, person=b"heimdex.claim")
    return int.from_bytes(digest.digest(), "big", signed=True)


def is_claimed(connection: Connection[Any], key: str) -> bool:
    """Whether some living process holds the key. A `running` row without a claim is stale."""
    number = claim_number(key) & 0xFFFF_FFFF_FFFF_FFFF
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
        "AND classid = %s::bigint::oid AND objid = %s::bigint::oid "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        [number >> 32, number & 0xFFFF_FFFF],
    ).fetchone()
    return bool(row and row[0])
