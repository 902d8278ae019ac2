"""Coming in and going out."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import RedirectResponse

from heimdex.app.users import MAX_NAME, NewAccount
from heimdex.errors import NotAllowed, NotFound, NotSignedIn
from heimdex.server.auth import attempts, cookies, signing_in
from heimdex.server.auth.caller import Caller, ReadCaller, caller
from heimdex.server.auth.gate import Gate, gate_of
from heimdex.server.auth.newcomers import user_of
from heimdex.server.auth.oidc import Provider
from heimdex.server.auth.quiet_route import QuietRoute
from heimdex.server.auth.whence import demand_own_page, whence
from heimdex.server.shapes.problems import problems
from heimdex.store.passwords import MAX_LENGTH
from heimdex.store.tokens import new_token

router = APIRouter(prefix="/api/v1", tags=["sign-in"], route_class=QuietRoute, responses=problems())

OIDC_S = 600  # so long a visit at the provider may take
AFTER_SIGN_IN = "/"

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["ada"])]
Password = Annotated[
    SecretStr, Field(min_length=1, max_length=MAX_LENGTH, examples=["seven grey herons at dawn"])
]


class SignIn(BaseModel):
    """Who comes in."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    password: Password


class SetUp(SignIn):
    """The first user, by the token that the server printed."""

    token: Annotated[SecretStr, Field(min_length=1, max_length=200, examples=["setup_…"])]


class SignOut(BaseModel):
    """Where to sign out."""

    model_config = ConfigDict(extra="forbid")
    everywhere: bool = Field(default=False, description="In all browsers, not in this one only.")


class NewPassword(BaseModel):
    """Another password, by who knows the old one."""

    model_config = ConfigDict(extra="forbid")
    old: Password
    new: Password


class Me(BaseModel):
    """Who you are to this server."""

    name: str = Field(examples=["ada"])
    user_id: str | None = Field(default=None, description="None for a key of the library, or on one's own.")
    key_id: str | None = None
    owner: str = Field(description="Whose library you see; users who share one have the same.")
    scopes: list[str] = Field(examples=[["read", "write"]])
    by: Literal["session", "key", "this machine"]
    csrf_token: str | None = Field(
        default=None, description="What requests that change something send as X-CSRF-Token."
    )


class Ways(BaseModel):
    """How one can come in."""

    signed_in: bool
    password: bool = Field(description="By name and password: there are users.")
    set_up: bool = Field(description="There are no users, and the server wants one: POST /api/v1/set-up.")
    oidc: str | None = Field(default=None, description="What the provider is called, if there is one.")


@router.get("/sign-in", operation_id="ways_to_sign_in", summary="How one can come in")
def ways(request: Request) -> Ways:
    """For a page that has to ask; tells nothing that has to be kept."""
    gate = gate_of(request)
    exist = gate.users.exist()
    is_single = not exist and gate.is_single(whence(request, gate.options))
    try:
        caller(request)
        signed_in = True
    except (NotSignedIn, NotAllowed):
        signed_in = False
    provider = gate.provider
    return Ways(
        signed_in=signed_in,
        password=exist,
        set_up=not exist and not is_single,
        oidc=None if provider is None else provider.options.label,
    )


@router.post("/sign-in", operation_id="sign_in", summary="Sign in by name and password")
def sign_in(body: SignIn, request: Request, response: Response) -> Me:
    """Sets the cookie of a session, HttpOnly. 401 for a wrong name or password, 429 for too many attempts."""
    gate = gate_of(request)
    user, csrf = signing_in.sign_in(
        gate, request, response, name=body.name, password=body.password.get_secret_value()
    )
    return _me(gate.caller_for(user), "session", csrf)


@router.post("/set-up", operation_id="set_up", summary="Make the first user", status_code=201)
def set_up(body: SetUp, request: Request, response: Response) -> Me:
    """An admin, whose library is what is indexed already; signs them in. 403 for a wrong token."""
    gate = gate_of(request)
    user, csrf = signing_in.set_up(
        gate,
        request,
        response,
        token=body.token.get_secret_value(),
        account=NewAccount(name=body.name, password=body.password.get_secret_value()),
    )
    return _me(gate.caller_for(user), "session", csrf)


@router.post("/sign-out", operation_id="sign_out", summary="Sign out", status_code=204)
def sign_out(request: Request, response: Response, body: SignOut | None = None) -> None:
    """Ends the session of this browser, or all sessions of its user. No error where there is none."""
    gate = gate_of(request)
    demand_own_page(request, whence(request, gate.options))
    with suppress(NotSignedIn):
        caller(request)  # for the CSRF token
    signing_in.sign_out(gate, request, response, everywhere=body is not None and body.everywhere)


@router.get("/me", operation_id="me", summary="Who you are to this server")
def me(who: ReadCaller, request: Request, response: Response) -> Me:
    """Also gives a page its CSRF token."""
    response.headers["Cache-Control"] = "no-store"
    secret = gate_of(request).session_in(request)
    if who.key_id is not None:
        return _me(who, "key", None)
    if who.user_id is None or secret is None:
        return _me(who, "this machine", None)
    return _me(who, "session", cookies.csrf_token(secret))


@router.put("/me/password", operation_id="change_my_password", summary="Choose another password")
def change_my_password(who: ReadCaller, body: NewPassword, request: Request, response: Response) -> Me:
    """Ends all sessions of yours; this browser gets a new one. Keys stay valid."""
    if who.user_id is None or who.key_id is not None:
        raise NotAllowed("Only somebody who is signed in has a password to change.")
    gate = gate_of(request)
    csrf = signing_in.change_password(
        gate,
        request,
        response,
        user_id=who.user_id,
        old=body.old.get_secret_value(),
        new=body.new.get_secret_value(),
    )
    return _me(who, "session", csrf)


@router.get(
    "/sign-in/oidc",
    operation_id="begin_oidc",
    summary="Sign in at the provider",
    status_code=303,
    responses=problems(404),
    response_class=RedirectResponse,
)
def begin_oidc(request: Request) -> RedirectResponse:
    """Sends the browser there. 404 where none is set, 503 where it does not answer."""
    gate = gate_of(request)
    provider = _provider(gate)
    where = whence(request, gate.options)
    cookies.demand_cookies(where, gate.options)
    secret = new_token()
    with gate.provider_turns.take():
        answer = RedirectResponse(provider.address(secret), status_code=303)
    secure = cookies.is_secure(where, gate.options)
    cookies.put(answer, cookies.OIDC, secret, age_s=OIDC_S, secure=secure)
    return answer


@router.get(
    "/sign-in/oidc/callback",
    operation_id="finish_oidc",
    summary="Come back from the provider",
    status_code=303,
    responses=problems(404),
    response_class=RedirectResponse,
)
def finish_oidc(request: Request) -> RedirectResponse:
    """Begins a session, and goes on to the page. 401 where what the provider says is not right."""
    gate = gate_of(request)
    provider = _provider(gate)
    where = whence(request, gate.options)
    secure = cookies.is_secure(where, gate.options)
    secret = cookies.read(request, cookies.OIDC, secure=secure)
    if secret is None:
        raise NotSignedIn("This browser did not begin to sign in, or took too long; begin again.")
    # A stranger's own cookie has a state that fits, and each made-up code is a request to the provider.
    counted = attempts.count_attempt(gate.database, where.address, None)
    with gate.provider_turns.take():
        identity = provider.identity(secret, dict(request.query_params))
    attempts.forget_attempt(gate.database, counted)
    user = user_of(identity, gate.users, provider.options)
    answer = RedirectResponse(AFTER_SIGN_IN, status_code=303)
    signing_in.begin(gate, request, answer, user)
    cookies.drop(answer, cookies.OIDC, secure=secure)
    return answer


def _provider(gate: Gate) -> Provider:
    if gate.provider is None:
        raise NotFound("No provider to sign in at is set up (HEIMDEX_OIDC_ISSUER).")
    return gate.provider


def _me(who: Caller, by: Literal["session", "key", "this machine"], csrf: str | None) -> Me:
    return Me(
        name=who.name,
        user_id=who.user_id,
        key_id=who.key_id,
        owner=who.owner,
        scopes=sorted(who.scopes),
        by=by,
        csrf_token=csrf,
    )
