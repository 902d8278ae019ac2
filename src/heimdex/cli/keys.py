"""`heimdex keys …`: keys of programs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json

app = typer.Typer(help="Keys for programs: create, list, revoke.", no_args_is_help=True)

User = Annotated[
    str | None,
    typer.Option("--user", metavar="NAME", help="Of that user. Default: of the library HEIMDEX_OWNER names."),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.", metavar="NAME")],
    scopes: Annotated[str, typer.Option(help="Of read, write and admin, comma-separated.")] = "read",
    days: Annotated[
        float | None,
        typer.Option(help="How long it is valid. Default: until it is revoked.", show_default=False),
    ] = None,
    user: User = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make a key and print it, this once: it is stored as a hash only."""
    with door.opened(home, as_json=as_json) as heimdex:
        from heimdex.app.keys import KeyWish

        owner, user_id = _whose(heimdex, user)
        wanted = tuple(scope.strip() for scope in scopes.split(",") if scope.strip())
        key, secret = heimdex.keys.create(
            owner, KeyWish(name=name, scopes=wanted, user_id=user_id, days=days)
        )
        door.show(as_json, lambda: {"key": _document(key), "secret": secret}, lambda: typer.echo(secret))


@app.command("list")
def list_keys(user: User = None, as_json: Json = False, home: Home = None) -> None:
    """The keys of a library, or of one user; the newest first."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.keys.list(*_whose(heimdex, user))
        door.show(as_json, lambda: {"keys": [_document(key) for key in found]}, lambda: _show_list(found))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="An id of the list.", metavar="ID")],
    user: User = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make a key invalid, from the next request on."""
    with door.opened(home, as_json=as_json) as heimdex:
        owner, user_id = _whose(heimdex, user)
        heimdex.keys.revoke(owner, key_id, user_id)
        door.show(as_json, lambda: {"revoked": key_id}, lambda: typer.echo(f"{key_id} is revoked"))


def _whose(heimdex: Any, user: str | None) -> tuple[str, str | None]:
    """The library, and the user in it; None: of everybody in it, or, for a new key, of nobody."""
    if user is None:
        return heimdex.owner, None
    found = heimdex.users.named(user)
    return found.owner, found.user_id


def _show_list(found: list[Any]) -> None:
    for key in found:
        told = [", ".join(key.scopes)]
        told += [] if key.expires_at is None else [f"until {key.expires_at:%Y-%m-%d %H:%M}"]
        told += ["never used" if key.used_at is None else f"last used {key.used_at:%Y-%m-%d %H:%M}"]
        told += [] if key.revoked_at is None else ["revoked"]
        typer.echo(f"{key.key_id}  {key.hint}…  {key.name}: {'; '.join(told)}")
    if not found:
        typer.echo("None. `heimdex keys create NAME` makes one.")


def _document(key: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(key)
