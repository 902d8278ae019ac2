"""Removing the vectors of models that were left: what nobody uses, and whose time has run out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg import Connection

from heimdex.errors import ChangeRefused
from heimdex.pipeline.model_change import CHANGES, NOBODY, PRUNE
from heimdex.store import changes, pointers
from heimdex.store.database import Database, is_claimed
from heimdex.store.vectors import StoredModel

CheckStop = Callable[[], object]

VECTORS_AT_ONCE = 2000  # by which the assets of one transaction are found


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """A model that was removed from the database, and how many vectors it had."""

    model: str
    vectors: int


@dataclass(kw_only=True, slots=True)
class _Standing:
    """Which models are needed, and which were left, over all owners."""

    needed: set[int]
    left: set[int]


def is_due(database: Database) -> bool:
    """Whether there is anything to prune; keeps nobody from changing models. Raises StoreError."""

    def work(connection: Connection[Any]) -> bool:
        standing = _standing(connection, pointers.libraries(connection))
        return bool(standing.left - standing.needed)

    return database.run(NOBODY, work, read_only=True)


def prune(database: Database, check_stop: CheckStop = lambda: None) -> list[Pruned]:
    """Remove the vectors of every model that was left, that nobody uses, and nobody may go back to any more.

    A model that is one owner's, or the next of a roll-out, or was left less than its days ago by anybody,
    keeps all its vectors; so does one that nobody ever left (a backfill made ahead). `check_stop` may raise
    between two transactions; the next prune goes on there. Raises ChangeRefused while a model is being
    changed, StoreError.
    """
    claims = database.claims()
    try:
        if not claims.try_claim(PRUNE) or database.run(
            NOBODY, partial(is_claimed, key=CHANGES), read_only=True
        ):
            raise ChangeRefused("The picture model is being changed; prune when that is over.")
        owners = database.run(NOBODY, pointers.libraries, read_only=True)
        standing = database.run(NOBODY, partial(_standing, owners=owners), read_only=True)
        unneeded = sorted(standing.left - standing.needed)
        return [_remove(database, owners, model_id, check_stop) for model_id in unneeded]
    finally:
        claims.close()


def needed_models(database: Database) -> tuple[str, ...]:
    """The names of models that somebody uses, is about to use, or may go back to; none before anything is."""

    def work(connection: Connection[Any]) -> tuple[str, ...]:
        standing = _standing(connection, pointers.libraries(connection))
        found = [pointers.model_by_id(connection, model_id) for model_id in sorted(standing.needed)]
        return tuple(dict.fromkeys(one.model.name for one in found if one is not None))

    return database.run(NOBODY, work, read_only=True)


def _standing(connection: Connection[Any], owners: list[str]) -> _Standing:
    found = _Standing(needed=set(), left=set())
    default = pointers.find_default(connection)
    if default is not None:
        found.needed |= {default.model_id} | ({default.next_id} if default.next_id is not None else set())
    for owner in owners:
        pointers.act_for(connection, owner)
        active = pointers.active_model(connection)
        if active is not None:
            found.needed.add(active.model.model_id)
        building = changes.open_change(connection, owner)
        if building is not None:
            found.needed.add(building.to_id)
        for model_id, is_over in changes.left_models(connection, owner).items():
            (found.left if is_over else found.needed).add(model_id)
    return found


def _remove(database: Database, owners: list[str], model_id: int, check_stop: CheckStop) -> Pruned:
    """The way back goes first: nobody may be pointed to a model that is being removed."""
    pointed = database.run(NOBODY, lambda c: pointers.model_by_id(c, model_id), read_only=True)
    assert pointed is not None  # a change refers to it
    count = 0
    for owner in owners:
        database.run(owner, partial(pointers.forget_previous, owner=owner, model_id=model_id))
    for owner in owners:
        count += _remove_of(database, owner, pointed.model, check_stop)
    for stored in pointed.model.spaces:
        database.run(NOBODY, partial(pointers.drop_space_index, space_id=stored.space_id))
    return Pruned(model=pointed.model.name, vectors=count)


def _remove_of(database: Database, owner: str, model: StoredModel, check_stop: CheckStop) -> int:
    def some(connection: Connection[Any]) -> int | None:
        found = pointers.assets_with_vectors(connection, owner, model, limit=VECTORS_AT_ONCE)
        return pointers.drop_vectors(connection, owner, model, found) if found else None

    def settle(connection: Connection[Any]) -> None:
        pointers.drop_runs(connection, owner, model.model_id)
        changes.mark_pruned(connection, owner, model.model_id)

    count = 0
    check_stop()
    while (removed := database.run(owner, some)) is not None:
        count += removed
        check_stop()
    database.run(owner, settle)
    return count
