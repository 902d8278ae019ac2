"""Users: who may come in, and whose library is theirs."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries

SQL = queries("users")
NOBODY = ""
"""The owner of a transaction before it is known who asks: no row of any library is seen."""

MEMBER, ADMIN = "member", "admin"


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person. `owner` is the library; several may share one. An admin is one of the installation."""

    owner: str
    user_id: str
    name: str
    role: str
    is_active: bool
    has_password: bool
    is_external: bool  # a provider tells who it is
    created_at: datetime
    signed_in_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewUser:
    """What a user is made of."""

    user_id: str
    name: str
    role: str
    password_hash: str | None = field(default=None, repr=False)
    issuer: str | None = None
    subject: str | None = None


def name_key(name: str) -> str:
    """What makes two names the same: not their case, nor how their letters are encoded."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def users_exist(connection: Connection[Any]) -> bool:
    """Whether there is any user in the installation."""
    row = connection.execute(SQL["users_exist"]).fetchone()
    return bool(row and row[0])


def lock_users(connection: Connection[Any]) -> None:
    """Until the end of the transaction nobody else changes who there is."""
    connection.execute(SQL["lock_users"])


def all_users(connection: Connection[Any]) -> list[User]:
    """Everybody in the installation, the oldest first."""
    return [_user(row) for row in connection.execute(SQL["all_users"])]


def user_by_id(connection: Connection[Any], user_id: str) -> User | None:
    """One user, in whatever library."""
    row = connection.execute(SQL["user_by_id"], {"user": user_id}).fetchone()
    return None if row is None else _user(row)


def user_by_name(connection: Connection[Any], name: str) -> tuple[User, str | None] | None:
    """One user and the hash of the password."""
    row = connection.execute(SQL["user_by_name"], {"name_key": name_key(name)}).fetchone()
    return None if row is None else (_user(row[:-1]), row[-1])


def user_by_subject(connection: Connection[Any], issuer: str, subject: str) -> User | None:
    """One user, as a provider knows them."""
    found = connection.execute(SQL["user_by_subject"], {"issuer": issuer, "subject": subject}).fetchone()
    return None if found is None else _user(found)


def add_user(connection: Connection[Any], owner: str, new: NewUser) -> bool:
    """Make a user; False where the name or the subject is taken."""
    row = connection.execute(
        SQL["add_user"],
        {
            "owner": owner,
            "user": new.user_id,
            "name": new.name,
            "name_key": name_key(new.name),
            "role": new.role,
            "password_hash": new.password_hash,
            "issuer": new.issuer,
            "subject": new.subject,
        },
    ).fetchone()
    return row is not None


def change_user(connection: Connection[Any], user: User, *, role: str | None, is_active: bool | None) -> None:
    """Another role, or let in and shut out; None leaves a thing as it is."""
    key = {"owner": user.owner, "user": user.user_id}
    connection.execute(SQL["change_user"], {**key, "role": role, "is_active": is_active})


def set_password_hash(connection: Connection[Any], user: User, password_hash: str) -> None:
    """Keep another hash."""
    key = {"owner": user.owner, "user": user.user_id}
    connection.execute(SQL["set_password_hash"], {**key, "password_hash": password_hash})


def note_sign_in(connection: Connection[Any], user: User) -> None:
    """Remember when they came in last."""
    connection.execute(SQL["note_sign_in"], {"owner": user.owner, "user": user.user_id})


def remove_user(connection: Connection[Any], user: User) -> None:
    """Forget a user with sessions and keys; the library stays."""
    connection.execute(SQL["remove_user"], {"owner": user.owner, "user": user.user_id})


def put_set_up_token(connection: Connection[Any], token_hash: bytes, *, valid_s: float) -> None:
    """Keep the token for the first user, in place of the one before."""
    connection.execute(SQL["put_set_up_token"], {"token_hash": token_hash, "valid_s": valid_s})


def take_set_up_token(connection: Connection[Any], token_hash: bytes) -> bool:
    """Use the token up; False where it is not this one, or too old."""
    return connection.execute(SQL["take_set_up_token"], {"token_hash": token_hash}).fetchone() is not None


def _user(row: tuple[Any, ...]) -> User:
    return User(**dict(zip(User.__slots__, row, strict=True)))
