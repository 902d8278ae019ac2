"""Moving pointers without making vectors: going back, an owner's choice, who follows the installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.errors import ChangeRefused, NotFound, UsageError
from heimdex.pipeline.flow import SCENES
from heimdex.pipeline.model_change import INSTALLATION, NOBODY, alone
from heimdex.store import changes, pointers
from heimdex.store.database import Database
from heimdex.store.pointers import PointedModel

Check = Callable[[PointedModel], None]
"""Raises where a model cannot be used on this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WentBack:
    """A pointer that went back; `owner` is None where it is the installation's."""

    owner: str | None
    left: str
    now: str


def of_owner(database: Database, owner: str, check: Check) -> WentBack:
    """Point an owner to the model it had before. Raises UsageError, ChangeRefused, what `check` raises."""

    def work(connection: Connection[Any]) -> WentBack:
        pointers.lock_pointer(connection, owner)
        choice = pointers.find_choice(connection, owner)
        if choice is None:
            raise UsageError(
                f"Owner {owner} has no model of its own but follows the installation; roll that back "
                "without --owners, or choose a model for this owner with `heimdex models use`."
            )
        target = _way_back(connection, choice.previous_id, check)
        left = _model(connection, choice.model_id)
        pointers.follow_default(connection, owner)
        followed = pointers.active_model(connection)
        if followed is None or followed.model.model_id != target.model.model_id:
            pointers.choose(connection, owner, target.model.model_id, choice.model_id)
        changes.roll_back_change(connection, owner, choice.model_id)
        return WentBack(owner=owner, left=left.model.name, now=target.model.name)

    with alone(database, [owner]):
        return database.run(owner, work)


def of_installation(database: Database, check: Check) -> WentBack:
    """End a roll-out, or else point the installation to the model before. Raises as `of_owner` does."""

    def work(connection: Connection[Any]) -> WentBack:
        pointers.lock_pointer(connection, None)
        default = pointers.find_default(connection)
        if default is None:
            raise ChangeRefused("Nothing is indexed yet: there is no model to go back to.")
        if default.next_id is not None:
            left_id, target = default.next_id, _way_back(connection, default.model_id, check)
            pointers.set_next(connection, None, 0)
        else:
            left_id, target = default.model_id, _way_back(connection, default.previous_id, check)
            pointers.set_default(connection, target.model.model_id, left_id)
        left = _model(connection, left_id)
        for owner in pointers.libraries(connection):
            pointers.act_for(connection, owner)
            if pointers.find_choice(connection, owner) is None:
                changes.roll_back_change(connection, owner, left_id)
        return WentBack(owner=None, left=left.model.name, now=target.model.name)

    with alone(database, [INSTALLATION]):
        return database.run(NOBODY, work)


def point(database: Database, owner: str, model_id: int | None) -> None:
    """Point an owner to a model, or (None) let it follow the installation. Raises ChangeRefused, NotFound."""

    def work(connection: Connection[Any]) -> None:
        pointers.lock_pointer(connection, owner)
        before = pointers.active_model(connection)
        if model_id is None:
            pointers.follow_default(connection, owner)
            after = pointers.active_model(connection)
        else:
            after = _model(connection, model_id)
            if before is None or before.model.model_id != model_id:
                pointers.choose(connection, owner, model_id, before.model.model_id if before else None)
        if before is None or after is None:
            return
        lost, _ = pointers.count_lost(connection, owner, before.model, after.model, SCENES.version)
        if lost:
            raise ChangeRefused(
                f"{lost} pictures have no vectors of {after.model.name} yet; `heimdex models use "
                f"{after.model.name} --owners {owner}` makes them, and then changes the model."
            )

    with alone(database, [owner]):
        database.run(owner, work)


def _way_back(connection: Connection[Any], model_id: int | None, check: Check) -> PointedModel:
    if model_id is None:
        raise ChangeRefused(
            "There is no model to go back to: none was left, or its vectors were pruned. "
            "`heimdex models use NAME` makes them again."
        )
    found = _model(connection, model_id)
    check(found)
    return found


def _model(connection: Connection[Any], model_id: int) -> PointedModel:
    found = pointers.model_by_id(connection, model_id)
    if found is None:
        raise NotFound(f"There is no model {model_id} in the database; see `heimdex models list`.")
    return found
