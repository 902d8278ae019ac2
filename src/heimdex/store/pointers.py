"""Which picture model is in use: the owner's choice, else the installation's or, in a roll-out, the next one.

A pointer is moved in a transaction that holds up index runs (`lock_pointer`), so that what was counted in it
is still so when it is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Space
from heimdex.store.claims import claim_number
from heimdex.store.sql import literal_int, queries
from heimdex.store.vectors import StoredModel, StoredSpace

SQL = queries("pointers")
ALL = "picture pointer"

Key = tuple[str, str, str]
"""Name, precision and SHA-256 of the weights: what makes a model that model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PointedModel:
    """A model that a pointer leads to, with what tells whether it is the one that is installed."""

    model: StoredModel
    key: Key


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """An owner's own choice."""

    model_id: int
    previous_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Default:
    """The installation's model, and the one that a share of the owners is given."""

    model_id: int
    previous_id: int | None
    next_id: int | None
    next_percent: int


def active_model(connection: Connection[Any]) -> PointedModel | None:
    """The model in use for the owner of the transaction; None where none was ever taken into use."""
    return _pointed(connection.execute(SQL["active_model"]).fetchone())


def model_by_id(connection: Connection[Any], model_id: int) -> PointedModel | None:
    """Any model on record."""
    return _pointed(connection.execute(SQL["model_by_id"], {"model": model_id}).fetchone())


def find_choice(connection: Connection[Any], owner: str) -> Choice | None:
    """The owner's own choice; None: the installation's model counts."""
    row = connection.execute(SQL["find_choice"], {"owner": owner}).fetchone()
    return None if row is None else Choice(model_id=row[0], previous_id=row[1])


def find_default(connection: Connection[Any]) -> Default | None:
    """The installation's model."""
    row = connection.execute(SQL["find_default"]).fetchone()
    if row is None:
        return None
    return Default(model_id=row[0], previous_id=row[1], next_id=row[2], next_percent=row[3])


def adopt(connection: Connection[Any], owner: str, model_id: int) -> None:
    """Something is indexed with a model: the first ever becomes the installation's.

    Where a pointer leads to other weights of the same name it follows: what is installed was replaced.
    """
    pointed = active_model(connection)
    if pointed is not None and pointed.model.model_id == model_id:
        return
    parameters = {"owner": owner, "model": model_id}
    for name in ("adopt_default", "renew_default", "renew_next", "renew_choice"):
        connection.execute(SQL[name], parameters)


def choose(connection: Connection[Any], owner: str, model_id: int, previous_id: int | None) -> None:
    """Point an owner to a model."""
    parameters = {"owner": owner, "model": model_id, "previous": previous_id}
    connection.execute(SQL["choose_model"], parameters)


def follow_default(connection: Connection[Any], owner: str) -> None:
    """Let an owner follow the installation."""
    connection.execute(SQL["drop_choice"], {"owner": owner})


def set_default(connection: Connection[Any], model_id: int, previous_id: int | None) -> None:
    """Point the installation to a model; ends a roll-out."""
    connection.execute(SQL["set_default"], {"model": model_id, "previous": previous_id})


def set_next(connection: Connection[Any], model_id: int | None, percent: int) -> None:
    """Give a share of the owners the next model; None ends that."""
    connection.execute(SQL["set_next"], {"model": model_id, "percent": percent if model_id else 0})


def libraries(connection: Connection[Any], *, percent: int | None = None) -> list[str]:
    """The ids of all owners that ever indexed anything, or of those that a roll-out to so many reaches."""
    if percent is None:
        return [row[0] for row in connection.execute(SQL["libraries"])]
    return [row[0] for row in connection.execute(SQL["libraries_in_share"], {"percent": percent})]


def act_for(connection: Connection[Any], owner: str) -> None:
    """Make the rest of the transaction another owner's: a pointer of all is moved for all at once."""
    connection.execute(SQL["act_for"], {"owner": owner})


def hold_pointers(connection: Connection[Any], owner: str) -> None:
    """An index run is about to enter vectors: pointers stay where they are until this transaction ends.

    Waits while one is being moved.
    """
    parameters = {"all": claim_number(ALL), "own": claim_number(f"{owner}/{ALL}")}
    connection.execute(SQL["hold_pointers"], parameters)


def lock_pointer(connection: Connection[Any], owner: str | None) -> None:
    """The pointer of an owner, or the installation's (None), is about to be moved.

    Waits for index runs that are entering vectors, and holds them up until this transaction ends.
    """
    parameters = {"pointer": claim_number(ALL if owner is None else f"{owner}/{ALL}")}
    connection.execute(SQL["lock_pointer"], parameters)


def count_lost(
    connection: Connection[Any], owner: str, old: StoredModel, new: StoredModel, scenes_version: int
) -> tuple[int, int]:
    """Kept frames that can be seen by the old model and have no row in some space of the new one.

    (Those that a backfill makes, those of assets whose scenes are due again: only their files mend that.)
    """
    counted = (0, 0)
    for stored in new.spaces:
        query = literal_int(SQL["lost_frames"], old_space=old.spaces[0].space_id, new_space=stored.space_id)
        row = connection.execute(query, {"owner": owner, "version": scenes_version}).fetchone()
        assert row is not None
        counted = max(counted[0], int(row[0])), max(counted[1], int(row[1]))
    return counted


def count_blinded(
    connection: Connection[Any], owner: str, old: StoredModel, new: StoredModel
) -> tuple[int, int]:
    """(Kept frames that the old model can see, those of them that the new one could not encode)."""
    query = literal_int(
        SQL["blinded_frames"], old_space=old.spaces[0].space_id, new_space=new.spaces[0].space_id
    )
    row = connection.execute(query, {"owner": owner}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def forget_previous(connection: Connection[Any], owner: str, model_id: int) -> None:
    """There is no way back to a model whose vectors are to go."""
    parameters = {"owner": owner, "model": model_id}
    connection.execute(SQL["forget_previous_choice"], parameters)
    connection.execute(SQL["forget_previous_default"], parameters)


def assets_with_vectors(
    connection: Connection[Any], owner: str, model: StoredModel, *, limit: int
) -> list[str]:
    """Some assets that have vectors of a model, found by `limit` of these."""
    query = literal_int(SQL["assets_with_vectors"], limit=limit)
    rows = connection.execute(query, {"owner": owner, "spaces": _spaces(model)})
    return [row[0] for row in rows]


def drop_vectors(connection: Connection[Any], owner: str, model: StoredModel, assets: Sequence[str]) -> int:
    """Remove the vectors of some assets in a model's spaces; how many."""
    parameters = {"owner": owner, "spaces": _spaces(model), "assets": list(assets)}
    return connection.execute(SQL["drop_vectors_of_assets"], parameters).rowcount


def drop_runs(connection: Connection[Any], owner: str, model_id: int) -> None:
    """Remove a model's entries from the ledger."""
    connection.execute(SQL["drop_picture_runs"], {"owner": owner, "model": model_id})


def drop_space_index(connection: Connection[Any], space_id: int) -> None:
    """Remove the HNSW index of a space that nobody uses."""
    connection.execute(SQL["drop_space_index"], {"space": space_id})


def _spaces(model: StoredModel) -> list[int]:
    return [stored.space_id for stored in model.spaces]


def _pointed(row: Sequence[Any] | None) -> PointedModel | None:
    if row is None:
        return None
    model_id, name, precision, sha256, ids, names, dims = row
    spaces = tuple(
        StoredSpace(space_id=space_id, space=Space(model=name, name=space, dim=dim))
        for space_id, space, dim in zip(ids, names, dims, strict=True)
    )
    model = StoredModel(model_id=model_id, name=name, spaces=spaces)
    return PointedModel(model=model, key=(name, precision, sha256))
