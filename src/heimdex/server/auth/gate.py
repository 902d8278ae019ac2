"""The gate of a server: knows callers by key, by session, or as the one user of this machine."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection

from heimdex.errors import NotAllowed, NotSignedIn
from heimdex.server.auth import cookies
from heimdex.server.auth.limits import RateLimiter
from heimdex.server.auth.oidc import Provider
from heimdex.server.auth.options import AuthOptions
from heimdex.server.auth.whence import (
    Whence,
    demand_no_embedding,
    demand_own_page,
    is_safe,
    whence,
)
from heimdex.server.turns import Turns
from heimdex.store import keys, sessions
from heimdex.store.keys import PREFIX
from heimdex.store.sessions import Session
from heimdex.store.tokens import token_hash
from heimdex.store.users import ADMIN, NOBODY, User

if TYPE_CHECKING:
    from heimdex.app import Heimdex

log = logging.getLogger(__name__)

USED_EVERY_S = 60.0  # last use is noted no more often
OF_ADMIN, OF_MEMBER = frozenset(keys.SCOPES), frozenset(("read", "write"))
BEARER, KEY_HEADER = "bearer", "X-API-Key"

AT_PROVIDER = 8  # requests that wait for the provider: anybody may have them wait

_making = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who asks. `owner` (a UUID) is whose library it is; `scopes` are of read, write and admin.

    Admin is about the installation: its users, settings and models. `name` is for logs.
    """

    owner: str
    name: str
    scopes: frozenset[str]
    user_id: str | None = None
    key_id: str | None = None


class Gate:
    """Tells who a request comes from. Thread-safe."""

    def __init__(self, heimdex: Heimdex, options: AuthOptions) -> None:
        self.users = heimdex.users
        self.keys = heimdex.keys
        self.database = heimdex.database
        self.options = options
        self.provider = None if options.oidc is None else Provider(options.oidc, options.public_url or "")
        self.provider_turns = Turns(AT_PROVIDER, "signing in at the provider")
        self._limiter = RateLimiter(options.requests_per_minute) if options.requests_per_minute else None

    def caller_of(self, connection: HTTPConnection) -> Caller:
        """Who it is. Raises NotSignedIn, NotAllowed for what another site's page sends, RateLimited."""
        key = _key_in(connection)
        if key is not None:
            return self._counted(connection, self._by_key(key))
        where = whence(connection, self.options)
        found = self._by_session(connection, where)
        if found is not None:
            return self._counted(connection, found)
        if self.is_single(where):
            _demand_harmless(connection, where)
            return Caller(owner=self.options.owner, name="this machine", scopes=OF_ADMIN)
        raise NotSignedIn(
            "Sign in first (POST /api/v1/sign-in), or send a key as `Authorization: Bearer hx_…`."
        )

    def is_single(self, where: Whence) -> bool:
        """Whether a request needs no signing in: of this machine, while there are no users."""
        return self.options.may_be_single and where.is_local and not self.users.exist()

    def session_in(self, connection: HTTPConnection) -> str | None:
        """The secret of the session that a browser sends along, whether or not it is over."""
        secure = cookies.is_secure(whence(connection, self.options), self.options)
        return cookies.read(connection, cookies.SESSION, secure=secure)

    def _by_key(self, secret: str) -> Caller:
        hashed = token_hash(secret)
        found = None
        if secret.startswith(PREFIX):
            found = self.database.run(NOBODY, lambda connection: keys.key_by_hash(connection, hashed))
        if found is None:
            raise NotSignedIn("This key is not valid (any more); `heimdex keys create` makes one.")
        if found.used_s is None or found.used_s >= USED_EVERY_S:
            self.database.run(
                found.owner,
                lambda connection: keys.use_key(connection, found.owner, found.key_id, every_s=USED_EVERY_S),
            )
        # What a user may no longer do, no key of theirs may.
        allowed = OF_ADMIN if found.role in (None, ADMIN) else OF_MEMBER
        return Caller(
            owner=found.owner,
            name=f"key {found.name}",
            scopes=frozenset(found.scopes) & allowed,
            user_id=found.user_id,
            key_id=found.key_id,
        )

    def _by_session(self, connection: HTTPConnection, where: Whence) -> Caller | None:
        secret = cookies.read(connection, cookies.SESSION, secure=cookies.is_secure(where, self.options))
        if secret is None:
            return None
        hashed, idle_s = token_hash(secret), self.options.session_idle_s
        found = self.database.run(
            NOBODY, lambda database: sessions.session_by_hash(database, hashed, idle_s=idle_s)
        )
        if found is None:
            return None
        if not is_safe(connection):
            demand_own_page(connection, where)
            if connection.scope["type"] == "http":  # a web socket's page cannot send headers
                cookies.demand_csrf_token(connection, secret)
        if found.seen_s >= min(USED_EVERY_S, idle_s / 2):
            self.database.run(
                found.owner, lambda database: sessions.see_session(database, found.owner, hashed)
            )
        return self.caller_for(found)

    @staticmethod
    def caller_for(who: User | Session) -> Caller:
        """What a user is to routes."""
        scopes = OF_ADMIN if who.role == ADMIN else OF_MEMBER
        return Caller(owner=who.owner, name=who.name, scopes=scopes, user_id=who.user_id)

    def _counted(self, connection: HTTPConnection, caller: Caller) -> Caller:
        if self._limiter is not None:
            connection.state.allowance = self._limiter.demand(f"{caller.key_id or caller.user_id}")
        return caller


def gate_of(connection: HTTPConnection) -> Gate:
    """The gate of the application a request came to, made with the first one."""
    state: Any = connection.app.state
    gate: Gate | None = getattr(state, "gate", None)
    if gate is None:
        with _making:
            gate = getattr(state, "gate", None)
            if gate is None:
                gate = state.gate = Gate(state.heimdex, state.auth)
    return gate


def _key_in(connection: HTTPConnection) -> str | None:
    """The key that a program sends along. Raises NotSignedIn for what is no key at all."""
    given = connection.headers.get("authorization")
    if given is None:
        return connection.headers.get(KEY_HEADER)
    scheme, _, key = given.partition(" ")
    if scheme.lower() != BEARER or not key.strip():
        raise NotSignedIn("The header Authorization must read `Bearer hx_…`.")
    return key.strip()


def _demand_harmless(connection: HTTPConnection, where: Whence) -> None:
    """What nobody signs for must not come from a stranger's page, neither to change nor to look."""
    try:
        if is_safe(connection):
            demand_no_embedding(connection, where)
        else:
            demand_own_page(connection, where)
    except NotAllowed:
        log.warning("refused what another site's page sent to this machine's own Heimdex")
        raise
