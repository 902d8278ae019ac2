"""Coming in and going out: passwords into sessions, and sessions into nothing."""

from __future__ import annotations

import logging
from typing import Any

from psycopg import Connection
from starlette.requests import Request
from starlette.responses import Response

from heimdex.app.users import NewAccount
from heimdex.errors import NotSignedIn
from heimdex.server.auth import attempts, cookies
from heimdex.server.auth.gate import Gate
from heimdex.server.auth.whence import demand_own_page, whence
from heimdex.store import sessions
from heimdex.store.tokens import new_token, token_hash
from heimdex.store.users import NOBODY, User, note_sign_in

log = logging.getLogger(__name__)


def sign_in(
    gate: Gate, request: Request, response: Response, *, name: str, password: str
) -> tuple[User, str]:
    """Begin a session by name and password. Returns the user and the CSRF token.

    Raises NotSignedIn, RateLimited, NotAllowed for another site's page, or where the cookie would be lost.
    """
    where = whence(request, gate.options)
    demand_own_page(request, where)
    cookies.demand_cookies(where, gate.options)
    counted = attempts.count_attempt(gate.database, where.address, name)
    user = gate.users.check_password(name, password)
    if user is None:
        log.warning("a wrong name or password from %s", where.address)
        raise NotSignedIn("The name or the password is wrong.")
    attempts.forget_attempt(gate.database, counted)
    return user, begin(gate, request, response, user)


def set_up(
    gate: Gate, request: Request, response: Response, *, token: str, account: NewAccount
) -> tuple[User, str]:
    """Make the first user by the token of the server, and sign in. Raises as `sign_in`, UsageError."""
    where = whence(request, gate.options)
    demand_own_page(request, where)
    cookies.demand_cookies(where, gate.options)
    attempts.count_attempt(gate.database, where.address, None)
    user = gate.users.set_up(token, account)
    log.info("%s was made the first admin", user.name)
    return user, begin(gate, request, response, user)


def begin(gate: Gate, request: Request, response: Response, user: User) -> str:
    """A new session in place of the one the browser had; returns its CSRF token."""
    options = gate.options
    secret, before = new_token(), gate.session_in(request)

    def work(connection: Connection[Any]) -> None:
        sessions.sweep_sessions(connection, user.owner, idle_s=options.session_idle_s)
        sessions.add_session(connection, user, token_hash(secret), valid_s=options.session_s)
        note_sign_in(connection, user)

    gate.database.run(user.owner, work)
    if before is not None:
        _end(gate, before)
    secure = cookies.is_secure(whence(request, options), options)
    cookies.put_session(response, secret, options, secure=secure)
    log.info("%s signed in", user.name)
    return cookies.csrf_token(secret)


def sign_out(gate: Gate, request: Request, response: Response, *, everywhere: bool) -> None:
    """End the session of this browser, or all of its user's."""
    secret = gate.session_in(request)
    if secret is not None:
        _end(gate, secret, everywhere=everywhere)
    cookies.drop_session(response, secure=cookies.is_secure(whence(request, gate.options), gate.options))


def change_password(
    gate: Gate, request: Request, response: Response, *, user_id: str, old: str, new: str
) -> str:
    """Another password by who knows the old one; all sessions end, and this browser gets a new one.

    Returns its CSRF token. Raises NotSignedIn for a wrong old one, RateLimited, UsageError.
    """
    user = gate.users.get(user_id)
    where = whence(request, gate.options)
    counted = attempts.count_attempt(gate.database, where.address, user.name)
    if gate.users.check_password(user.name, old) is None:
        raise NotSignedIn("The old password is wrong.")
    attempts.forget_attempt(gate.database, counted)
    changed = gate.users.set_password(user_id, new)
    log.info("%s changed the password", user.name)
    return begin(gate, request, response, changed)


def _end(gate: Gate, secret: str, *, everywhere: bool = False) -> None:
    hashed = token_hash(secret)
    found = gate.database.run(
        NOBODY,
        lambda connection: sessions.session_by_hash(connection, hashed, idle_s=gate.options.session_idle_s),
    )
    if found is None:
        return

    def work(connection: Connection[Any]) -> None:
        if everywhere:
            sessions.end_sessions(connection, found.owner, found.user_id)
        sessions.end_session(connection, found.owner, hashed)

    gate.database.run(found.owner, work)
