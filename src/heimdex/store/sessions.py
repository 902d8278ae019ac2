"""Sessions: that somebody is signed in, in one browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries
from heimdex.store.users import User

SQL = queries("sessions")


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Whose a session is. `seen_s` is how many seconds ago it was last used."""

    owner: str
    user_id: str
    name: str
    role: str
    seen_s: float


def session_by_hash(connection: Connection[Any], token_hash: bytes, *, idle_s: float) -> Session | None:
    """The session, if it is not over, not unused for `idle_s`, and its user may come in."""
    parameters = {"token_hash": token_hash, "idle_s": idle_s}
    row = connection.execute(SQL["session_by_hash"], parameters).fetchone()
    return None if row is None else Session(**dict(zip(Session.__slots__, row, strict=True)))


def add_session(connection: Connection[Any], user: User, token_hash: bytes, *, valid_s: float) -> None:
    """Begin one."""
    parameters = {"owner": user.owner, "user": user.user_id, "token_hash": token_hash, "valid_s": valid_s}
    connection.execute(SQL["add_session"], parameters)


def see_session(connection: Connection[Any], owner: str, token_hash: bytes) -> None:
    """It was used just now."""
    connection.execute(SQL["see_session"], {"owner": owner, "token_hash": token_hash})


def end_session(connection: Connection[Any], owner: str, token_hash: bytes) -> None:
    """It is over."""
    connection.execute(SQL["end_session"], {"owner": owner, "token_hash": token_hash})


def end_sessions(connection: Connection[Any], owner: str, user_id: str) -> None:
    """All of a user are over."""
    connection.execute(SQL["end_sessions"], {"owner": owner, "user": user_id})


def sweep_sessions(connection: Connection[Any], owner: str, *, idle_s: float) -> None:
    """Forget those of an owner that ran out."""
    connection.execute(SQL["sweep_sessions"], {"owner": owner, "idle_s": idle_s})
