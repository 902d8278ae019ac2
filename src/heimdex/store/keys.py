"""Keys of programs: shown once, kept as a hash, for some scopes, until they are revoked or run out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("keys")
PREFIX = "hx_"
HINT_LENGTH = 8  # characters that may be shown: 30 of 256 bits
SCOPES = ("read", "write", "admin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """What is told of a key. `user_id` is None for one of the library itself."""

    key_id: str
    user_id: str | None
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """What a key is made of. `valid_s` None: until it is revoked."""

    key_id: str
    user_id: str | None
    name: str
    key_hash: bytes
    hint: str
    scopes: Sequence[str]
    valid_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyHolder:
    """Whose a key is and what it allows. `used_s` is how many seconds ago it was last used."""

    owner: str
    key_id: str
    user_id: str | None
    name: str
    scopes: tuple[str, ...]
    role: str | None  # of the user; None where it is the library's own
    used_s: float | None


def key_by_hash(connection: Connection[Any], key_hash: bytes) -> KeyHolder | None:
    """The key, if it is valid and its user may come in."""
    row = connection.execute(SQL["key_by_hash"], {"key_hash": key_hash}).fetchone()
    if row is None:
        return None
    facts = dict(zip(KeyHolder.__slots__, row, strict=True))
    return KeyHolder(**(facts | {"scopes": tuple(facts["scopes"])}))


def add_key(connection: Connection[Any], owner: str, new: NewKey) -> None:
    """Keep a new key."""
    parameters = {
        "owner": owner,
        "key": new.key_id,
        "user": new.user_id,
        "name": new.name,
        "key_hash": new.key_hash,
        "hint": new.hint,
        "scopes": list(new.scopes),
        "valid_s": new.valid_s,
    }
    connection.execute(SQL["add_key"], parameters)


def list_keys(connection: Connection[Any], owner: str, user: str | None = None) -> list[Key]:
    """The keys of a library, or of one user in it ("": of the library itself), the newest first."""
    rows = connection.execute(SQL["list_keys"], {"owner": owner, "user": user})
    found = [dict(zip(Key.__slots__, row, strict=True)) for row in rows]
    return [Key(**(facts | {"scopes": tuple(facts["scopes"])})) for facts in found]


def use_key(connection: Connection[Any], owner: str, key_id: str, *, every_s: float) -> None:
    """Note that it was used just now, unless that was noted less than `every_s` ago."""
    connection.execute(SQL["use_key"], {"owner": owner, "key": key_id, "every_s": every_s})


def revoke_key(connection: Connection[Any], owner: str, key_id: str, user: str | None = None) -> bool:
    """Make it invalid, for ever; False where there is none such (of that user, or "": of the library)."""
    parameters = {"owner": owner, "key": key_id, "user": user}
    return connection.execute(SQL["revoke_key"], parameters).fetchone() is not None
