"""`heimdex migrate`: the tables brought up to date, in a step of its own."""

from __future__ import annotations

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json


def migrate(as_json: Json = False, home: Home = None) -> None:
    """Bring the database's tables up to date, and say what was done; again, it does nothing.

    Every command does this by itself where its login may. Run it on its own before many processes start, or
    where only one of them is given HEIMDEX_DATABASE_ADMIN_URL.
    """
    with door.opened(home, as_json=as_json) as heimdex:
        applied = list(heimdex.database.applied)
        where = "external" if heimdex.settings.database_url else "embedded"
        done = f"applied {', '.join(applied)}" if applied else "up to date already, nothing to do"
        door.show(
            as_json,
            lambda: {"database": where, "applied": applied},
            lambda: typer.echo(f"The {where} database: {done}."),
        )
