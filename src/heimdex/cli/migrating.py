"""`heimdex migrate`: the tables brought up to date and the bucket made, in a step of its own."""

from __future__ import annotations

import typer

from heimdex.cli import door
from heimdex.cli.door import Home, Json


def migrate(as_json: Json = False, home: Home = None) -> None:
    """Bring the database's tables up to date, make the bucket where there is none; again, it does nothing.

    Every command does the former by itself where its login may. Run it on its own before many processes
    start, or where only one of them is given HEIMDEX_DATABASE_ADMIN_URL.
    """
    with door.opened(home, as_json=as_json) as heimdex:
        applied = list(heimdex.database.applied)
        where = "external" if heimdex.settings.database_url else "embedded"
        objects = heimdex.objects
        made = objects.make_place()
        door.show(
            as_json,
            lambda: {
                "database": where,
                "applied": applied,
                "object_store": objects.place,
                "bucket_made": made,
            },
            lambda: _show(where, applied, objects.place if objects.is_shared else None, made=made),
        )


def _show(where: str, applied: list[str], bucket: str | None, *, made: bool) -> None:
    done = f"applied {', '.join(applied)}" if applied else "up to date already, nothing to do"
    typer.echo(f"The {where} database: {done}.")
    if bucket is not None:
        typer.echo(f"The object store {bucket}: {'its bucket was made' if made else 'its bucket is there'}.")
