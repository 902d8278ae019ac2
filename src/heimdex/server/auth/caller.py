"""Who asks, as a dependency of routes: `caller: ReadCaller`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer

from heimdex.errors import NotAllowed
from heimdex.server.auth.cookies import HOST_PREFIX, SESSION
from heimdex.server.auth.gate import KEY_HEADER, Caller, gate_of

__all__ = ["AdminCaller", "Caller", "ReadCaller", "WriteCaller", "allowed", "caller"]

# They only stand in the description of the interface: `Gate` reads the headers.
_BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="A key, `hx_…`.")
_HEADER = APIKeyHeader(name=KEY_HEADER, auto_error=False, scheme_name="key-header")
_COOKIE = APIKeyCookie(
    name=HOST_PREFIX + SESSION,
    auto_error=False,
    scheme_name="session",
    description="Of `POST /api/v1/sign-in`. What changes something needs the header X-CSRF-Token as well.",
)


def caller(request: Request) -> Caller:
    """Who asks. Raises NotSignedIn, NotAllowed for what another site's page sends, RateLimited."""
    known = getattr(request.state, "caller", None)
    if isinstance(known, Caller):
        return known
    found = request.state.caller = gate_of(request).caller_of(request)
    return found


def allowed(scope: str) -> Any:
    """A dependency that gives the Caller. Raises NotAllowed where the scope is not theirs."""

    def check(
        request: Request,
        _bearer: Annotated[object, Security(_BEARER)] = None,
        _header: Annotated[object, Security(_HEADER)] = None,
        _cookie: Annotated[object, Security(_COOKIE)] = None,
    ) -> Caller:
        found = caller(request)
        if scope not in found.scopes:
            raise NotAllowed(f"This needs the scope {scope!r}; {_had(found)}.")
        return found

    return Depends(check)


def _had(found: Caller) -> str:
    what = "this key has" if found.key_id is not None else "you have"
    return f"{what} {', '.join(sorted(found.scopes)) or 'none'}"


ReadCaller = Annotated[Caller, allowed("read")]
WriteCaller = Annotated[Caller, allowed("write")]
AdminCaller = Annotated[Caller, allowed("admin")]
