"""Users, for admins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.requests import Request

from heimdex.app.users import NewAccount
from heimdex.errors import UsageError
from heimdex.server.auth.caller import AdminCaller
from heimdex.server.auth.gate import gate_of
from heimdex.server.auth.quiet_route import QuietRoute
from heimdex.server.routes.sign_in import Name, Password
from heimdex.server.shapes.problems import problems
from heimdex.store import users

router = APIRouter(prefix="/api/v1/users", tags=["users"], route_class=QuietRoute, responses=problems(404))

UserId = Annotated[str, InPath(description="The id of a user.", max_length=64)]
Role = Literal["member", "admin"]


class NewUser(BaseModel):
    """Somebody to be made a user."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    password: Password
    role: Role = Field(default="member", description="An admin is one of the whole installation.")
    shares_with: str | None = Field(
        default=None,
        max_length=64,
        description="The id of a user whose library it is as well. Default: a library of their own.",
    )


class UserChange(BaseModel):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    role: Role | None = None
    is_active: bool | None = Field(default=None, description="False shuts out: sessions and keys, at once.")
    password: Password | None = Field(default=None, description="Another one; all their sessions end.")


class User(BaseModel):
    """A user."""

    user_id: str
    name: str = Field(examples=["ada"])
    role: Role
    owner: str = Field(description="Whose library they see; users who share one have the same.")
    is_active: bool
    has_password: bool
    is_external: bool = Field(description="Signs in at the provider.")
    created_at: datetime
    signed_in_at: datetime | None


class UserList(BaseModel):
    """Users, the oldest first."""

    users: list[User]


@router.get("", operation_id="list_users", summary="All users of the installation")
def list_users(_who: AdminCaller, request: Request) -> UserList:
    """The oldest first."""
    return UserList(users=[_shown(user) for user in gate_of(request).users.list()])


@router.post("", operation_id="add_user", summary="Make a user", status_code=201)
def add_user(_who: AdminCaller, body: NewUser, request: Request) -> User:
    """The first one is an admin, whose library is what is indexed already; from then on people sign in."""
    known = gate_of(request).users
    owner = None if body.shares_with is None else known.get(body.shares_with).owner
    account = NewAccount(name=body.name, password=_plain(body.password), role=body.role, owner=owner)
    return _shown(known.add(account))


@router.get("/{user_id}", operation_id="get_user", summary="One user")
def get_user(_who: AdminCaller, user_id: UserId, request: Request) -> User:
    """404 where there is none such."""
    return _shown(gate_of(request).users.get(user_id))


@router.patch("/{user_id}", operation_id="change_user", summary="Another role or password; shut out, let in")
def change_user(_who: AdminCaller, user_id: UserId, body: UserChange, request: Request) -> User:
    """Takes effect with the next request of theirs. The last admin cannot be made a member or shut out."""
    known = gate_of(request).users
    if body.password is not None:
        known.set_password(user_id, _plain(body.password))
    if body.role is not None or body.is_active is not None:
        return _shown(known.change(user_id, role=body.role, is_active=body.is_active))
    return _shown(known.get(user_id))


@router.delete("/{user_id}", operation_id="remove_user", summary="Remove a user", status_code=204)
def remove_user(who: AdminCaller, user_id: UserId, request: Request) -> None:
    """With sessions and keys. What is in the library stays."""
    if user_id == who.user_id:
        raise UsageError("You cannot remove yourself; let another admin do it, or `heimdex users remove`.")
    # Not the last one: two admins may remove each other at the same moment.
    gate_of(request).users.remove(user_id, may_be_last=False)


def _plain(password: SecretStr) -> str:
    return password.get_secret_value()


def _shown(user: users.User) -> User:
    return User(**{name: getattr(user, name) for name in users.User.__slots__})
