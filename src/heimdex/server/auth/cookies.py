"""Cookies of a session, and the token that proves that our own page sends a request.

The CSRF token is an HMAC of the session's secret: bound to the session, known to every process, stored
nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

from heimdex.errors import NotAllowed
from heimdex.server.auth.options import AuthOptions, is_loopback
from heimdex.server.auth.whence import Whence

SESSION, CSRF, OIDC = "heimdex_session", "heimdex_csrf", "heimdex_oidc"
CSRF_HEADER = "X-CSRF-Token"
HOST_PREFIX = "__Host-"  # browsers take such a cookie over TLS only, for this host only


def derived(secret: str, purpose: str) -> str:
    """A token made of a secret, for one purpose; tells nothing of the secret. 64 hex digits."""
    return hmac.new(secret.encode("utf-8", "surrogatepass"), purpose.encode(), hashlib.sha256).hexdigest()


def csrf_token(session: str) -> str:
    """What unsafe requests of this session carry in X-CSRF-Token."""
    return derived(session, "csrf")


def demand_csrf_token(connection: HTTPConnection, session: str) -> None:
    """Raises NotAllowed where the header is missing or wrong."""
    given = connection.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), csrf_token(session).encode()):
        raise NotAllowed(
            f"The header {CSRF_HEADER} is missing or wrong; GET /api/v1/me says what it must be."
        )


def is_secure(where: Whence, options: AuthOptions) -> bool:
    """Whether cookies travel over TLS only. Raises nothing; see `demand_cookies`."""
    return where.scheme == "https" or (options.public_url or "").startswith("https://")


def demand_cookies(where: Whence, options: AuthOptions) -> None:
    """Raises NotAllowed where a browser would throw a session's cookie away."""
    if not is_secure(where, options) and not is_loopback(where.host):
        raise NotAllowed(
            "Signing in needs https, except on this machine itself. Put a reverse proxy with a certificate "
            "in front, and set HEIMDEX_PUBLIC_URL and HEIMDEX_TRUSTED_PROXIES; programs can use a key."
        )


def read(connection: HTTPConnection, name: str, *, secure: bool) -> str | None:
    """The value of one of our cookies."""
    return connection.cookies.get(_full(name, secure=secure)) or None


def put_session(response: Response, session: str, options: AuthOptions, *, secure: bool) -> None:
    """Give the browser a session, and its page the CSRF token."""
    age_s = int(options.session_s)
    put(response, SESSION, session, age_s=age_s, secure=secure)
    put(response, CSRF, csrf_token(session), age_s=age_s, secure=secure, for_scripts=True)


def drop_session(response: Response, *, secure: bool) -> None:
    """Take both back."""
    drop(response, SESSION, secure=secure)
    drop(response, CSRF, secure=secure)


def put(
    response: Response, name: str, value: str, *, age_s: int, secure: bool, for_scripts: bool = False
) -> None:
    """Set a cookie of this host that other sites' pages cannot make a browser send along, but for links."""
    same_site: Literal["lax"] = "lax"
    response.set_cookie(
        _full(name, secure=secure),
        value,
        max_age=age_s,
        path="/",
        secure=secure,
        httponly=not for_scripts,
        samesite=same_site,
    )
    response.headers["Cache-Control"] = "no-store"


def drop(response: Response, name: str, *, secure: bool) -> None:
    """Take a cookie back."""
    response.delete_cookie(_full(name, secure=secure), path="/", secure=secure, httponly=True, samesite="lax")


def _full(name: str, *, secure: bool) -> str:
    return HOST_PREFIX + name if secure else name
