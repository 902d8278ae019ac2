"""Schemas beside our own, whose statements come out of an installed library (the queue's).

They are applied under the same lock as our files, by the same login, and belong to heimdex_owner. Which steps
were applied is recorded, so that a later version of the library brings the schema up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from heimdex.errors import SchemaMismatch

OWNER_ROLE = "heimdex_owner"
APP_ROLE = "heimdex_app"


@dataclass(frozen=True, kw_only=True, slots=True)
class FurtherSchema:
    """A schema a library brings along: its steps in order; `whole` makes all of them in a new database."""

    name: str
    steps: tuple[str, ...]
    whole: Callable[[], str]
    step: Callable[[str], str]


def pending_steps(connection: Connection[Any], schema: FurtherSchema) -> tuple[str, ...]:
    """The steps this database lacks. Raises SchemaMismatch where it has some that are unknown here."""
    there = connection.execute("SELECT to_regclass('heimdex.further_step') IS NOT NULL").fetchone()
    if not (there and there[0]):
        return schema.steps
    rows = connection.execute(
        "SELECT step FROM heimdex.further_step WHERE schema_name = %s", [schema.name]
    ).fetchall()
    applied = {step for (step,) in rows}
    newer = sorted(applied - set(schema.steps))
    if newer:
        raise SchemaMismatch(
            f"The schema {schema.name} is newer than what is installed here (it has {', '.join(newer)}); "
            "update the packages, or use another database."
        )
    return tuple(step for step in schema.steps if step not in applied)


def apply_steps(connection: Connection[Any], schema: FurtherSchema) -> tuple[str, ...]:
    """Bring the schema up to date, all or nothing; the steps applied. Call it under the migration lock."""
    missing = pending_steps(connection, schema)
    if not missing:
        return ()
    with connection.transaction():
        if missing == schema.steps:
            _make(connection, schema.name)
            _run(connection, schema.name, [schema.whole()])
        else:
            _run(connection, schema.name, map(schema.step, missing))
        connection.execute(
            "INSERT INTO heimdex.further_step (schema_name, step) SELECT %s, unnest(%s::text[])",
            [schema.name, list(missing)],
        )
    return tuple(f"{schema.name}: {step}" for step in missing)


def _make(connection: Connection[Any], name: str) -> None:
    """The schema itself, with what the application may do in it."""
    to_app = SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT {} TO {}")
    schema, app = Identifier(name), Identifier(APP_ROLE)
    connection.execute(
        SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(schema, Identifier(OWNER_ROLE))
    )
    connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(OWNER_ROLE)))
    connection.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, app))
    for rights in (
        "EXECUTE ON FUNCTIONS",
        "SELECT, INSERT, UPDATE, DELETE ON TABLES",
        "USAGE ON SEQUENCES",
    ):
        connection.execute(to_app.format(schema, SQL(rights), app))


def _run(connection: Connection[Any], name: str, statements: Iterable[str]) -> None:
    connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(OWNER_ROLE)))
    connection.execute(SQL("SET LOCAL search_path = {}").format(Identifier(name)))
    for statement in statements:
        connection.execute(statement)
    connection.execute("SET LOCAL search_path = heimdex, public")
