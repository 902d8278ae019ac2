"""Keys of programs: everybody's own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from heimdex.app.keys import MAX_DAYS, MAX_NAME, KeyWish
from heimdex.errors import NotAllowed
from heimdex.server.auth.caller import Caller, ReadCaller
from heimdex.server.auth.gate import gate_of
from heimdex.server.auth.quiet_route import QuietRoute
from heimdex.server.shapes.problems import problems
from heimdex.store import keys

router = APIRouter(prefix="/api/v1/keys", tags=["keys"], route_class=QuietRoute, responses=problems(404))

Scope = Literal["read", "write", "admin"]
KeyId = Annotated[str, InPath(description="The id of a key; not the key.", max_length=64)]


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=MAX_NAME, examples=["editing room"])
    scopes: list[Scope] = Field(
        default=["read"], min_length=1, max_length=3, description="What it may do; no more than you may."
    )
    days: float | None = Field(
        default=None, gt=0, le=MAX_DAYS, description="How long it is valid. Default: until it is revoked."
    )


class Key(BaseModel):
    """What is told of a key."""

    key_id: str
    name: str
    hint: str = Field(description="Its first characters, to tell keys apart.", examples=["hx_Zk3uQ"])
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None = Field(description="When it was last used, to the minute.")
    revoked_at: datetime | None


class MadeKey(Key):
    """A key, this once with what has to be kept secret."""

    key: str = Field(repr=False, description="Shown once: it cannot be had again.", examples=["hx_…"])


class KeyList(BaseModel):
    """Keys, the newest first."""

    keys: list[Key]


@router.get("", operation_id="list_keys", summary="Your keys")
def list_keys(who: ReadCaller, request: Request) -> KeyList:
    """Also those that are revoked or ran out, the newest first."""
    found = gate_of(request).keys.list(who.owner, who.user_id or "")
    return KeyList(keys=[Key(**_facts(key)) for key in found])


@router.post("", operation_id="create_key", summary="Make a key", status_code=201)
def create_key(who: ReadCaller, body: NewKey, request: Request, response: Response) -> MadeKey:
    """Shown this once. A key cannot make keys, unless it is an admin's: it would outlive being revoked."""
    _demand_person(who)
    beyond = sorted(set(body.scopes) - who.scopes)
    if beyond:
        raise NotAllowed(f"You have not got the scope {', '.join(beyond)} yourself.")
    wish = KeyWish(name=body.name, scopes=body.scopes, user_id=who.user_id, days=body.days)
    made, secret = gate_of(request).keys.create(who.owner, wish)
    response.headers["Cache-Control"] = "no-store"
    return MadeKey(**_facts(made), key=secret)


@router.delete("/{key_id}", operation_id="revoke_key", summary="Revoke a key", status_code=204)
def revoke_key(who: ReadCaller, key_id: KeyId, request: Request) -> None:
    """From the next request on it is not valid. A key may revoke itself."""
    if key_id != who.key_id:
        _demand_person(who)
    gate_of(request).keys.revoke(who.owner, key_id, who.user_id or "")


def _demand_person(who: Caller) -> None:
    if who.key_id is not None and "admin" not in who.scopes:
        raise NotAllowed("Keys are managed by people who are signed in, or with an admin's key.")


def _facts(key: keys.Key) -> dict[str, Any]:
    return {name: getattr(key, name) for name in keys.Key.__slots__ if name != "user_id"}
