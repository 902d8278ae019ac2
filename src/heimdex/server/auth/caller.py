"""Who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

SCOPES = frozenset({"read", "write", "admin"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who is calling, and whose library it is."""

    owner: str
    name: str
    scopes: frozenset[str]
    user_id: str | None = None
    key_id: str | None = None


def caller(request: Request) -> Caller:
    """Single-user mode."""
    return Caller(owner=request.app.state.heimdex.owner, name="single", scopes=SCOPES)


def allowed(scope: str) -> Any:
    """The caller, if it has the scope."""

    def check(request: Request) -> Caller:
        return caller(request)

    return Depends(check)


ReadCaller = Annotated[Caller, allowed("read")]
WriteCaller = Annotated[Caller, allowed("write")]
AdminCaller = Annotated[Caller, allowed("admin")]
