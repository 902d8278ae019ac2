"""The queue's schema: procrastinate's own statements, from the installed package.

Listing its steps must not import the library: every process that opens the database asks for them.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from heimdex.errors import StoreError
from heimdex.store.database import QUEUE_SCHEMA
from heimdex.store.further import FurtherSchema


@cache
def queue_schema() -> FurtherSchema:
    """What the installed procrastinate wants its schema to be. Raises StoreError where it is not there."""
    folder = _migrations()
    return FurtherSchema(
        name=QUEUE_SCHEMA,
        steps=tuple(sorted(path.name for path in folder.glob("*.sql"))),
        whole=_whole,
        step=lambda name: (folder / name).read_text(encoding="utf-8"),
    )


def _migrations() -> Path:
    spec = find_spec("procrastinate")
    if spec is None or spec.origin is None:
        raise StoreError("the package procrastinate is missing; install heimdex again")
    return Path(spec.origin).parent / "sql" / "migrations"


def _whole() -> str:
    from procrastinate.schema import SchemaManager

    return SchemaManager.get_schema()
