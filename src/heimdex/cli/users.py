"""`heimdex users …`: who may come in."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json
from heimdex.errors import UsageError

app = typer.Typer(help="Who may come in: add, list, remove, password, set-up.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name of a user.", metavar="NAME")]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin, for scripts.")
]


@app.command()
def add(
    name: Name,
    admin: Annotated[bool, typer.Option("--admin", help="Also of users, settings and models.")] = False,
    shares_with: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The library of that user, in place of one of their own."),
    ] = None,
    from_input: FromInput = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Make a user; the password is asked for. The first is an admin and gets what is indexed already."""
    with door.opened(home, as_json=as_json) as heimdex:
        from heimdex.app.users import NewAccount

        made = heimdex.users.add(
            NewAccount(
                name=name,
                password=_password(from_input=from_input),
                role="admin" if admin else "member",
                owner=None if shares_with is None else heimdex.users.named(shares_with).owner,
            )
        )
        door.show(as_json, lambda: {"user": _document(made)}, lambda: typer.echo(_line(made)))


@app.command("list")
def list_users(as_json: Json = False, home: Home = None) -> None:
    """All users, the oldest first."""
    with door.opened(home, as_json=as_json) as heimdex:
        found = heimdex.users.list()
        door.show(as_json, lambda: {"users": [_document(user) for user in found]}, lambda: _show_list(found))


@app.command()
def remove(name: Name, as_json: Json = False, home: Home = None) -> None:
    """Remove a user with sessions and keys; what is in the library stays."""
    with door.opened(home, as_json=as_json) as heimdex:
        removed = heimdex.users.remove(heimdex.users.named(name).user_id)
        door.show(
            as_json,
            lambda: {"removed": _document(removed)},
            lambda: typer.echo(f"{removed.name} is removed; the library {removed.owner} stays"),
        )


@app.command()
def password(name: Name, from_input: FromInput = False, as_json: Json = False, home: Home = None) -> None:
    """Give a user another password; all their sessions end, keys stay."""
    with door.opened(home, as_json=as_json) as heimdex:
        user = heimdex.users.named(name)
        changed = heimdex.users.set_password(user.user_id, _password(from_input=from_input))
        door.show(
            as_json,
            lambda: {"user": _document(changed)},
            lambda: typer.echo(f"{changed.name} has another password, and is signed out everywhere"),
        )


@app.command("set-up")
def set_up(as_json: Json = False, home: Home = None) -> None:
    """Print a token by which the first user can be made from a browser, once, within a day."""
    with door.opened(home, as_json=as_json) as heimdex:
        token = heimdex.users.new_set_up_token()
        door.show(as_json, lambda: {"token": token}, lambda: typer.echo(token))


def _password(*, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for the password; give --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _show_list(found: list[Any]) -> None:
    for user in found:
        typer.echo(_line(user))
    if not found:
        typer.echo("None: whoever is on this machine may come in. `heimdex users add NAME` makes one.")


def _line(user: Any) -> str:
    told = [user.role, *([] if user.is_active else ["shut out"])]
    seen = "never signed in" if user.signed_in_at is None else f"last here {user.signed_in_at:%Y-%m-%d %H:%M}"
    return f"{user.name} ({', '.join(told)}), library {user.owner}, {seen}"


def _document(user: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(user)
