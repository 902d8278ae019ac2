"""How often somebody may try to sign in, counted in the database: for all processes, past a restart."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("sign_in_buckets")
SWEEP_SHARE = 0.01  # of the attempts also forget what is no longer needed


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """Room for `burst` attempts, one more every `every_s` seconds. `key` is a hash of whose it is."""

    key: bytes
    burst: int
    every_s: float

    def parameters(self) -> dict[str, Any]:
        """As the statements want it."""
        return {"bucket": self.key, "burst": self.burst, "every_s": self.every_s}


def take(connection: Connection[Any], bucket: Bucket) -> bool:
    """Count an attempt; False, and nothing counted, where there is no room."""
    if random.random() < SWEEP_SHARE:
        connection.execute(SQL["sweep"])
    return connection.execute(SQL["take"], bucket.parameters()).fetchone() is not None


def wait_s(connection: Connection[Any], bucket: Bucket) -> float:
    """Seconds until there is room for one attempt."""
    row = connection.execute(SQL["wait"], bucket.parameters()).fetchone()
    return 0.0 if row is None else float(row[0])


def give_back(connection: Connection[Any], bucket: Bucket) -> None:
    """Count one attempt less: it was no guess."""
    connection.execute(SQL["give_back"], bucket.parameters())
