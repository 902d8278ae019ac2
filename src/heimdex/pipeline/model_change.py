"""Changing the picture model while searches go on: shadow spaces are made, then a pointer moves.

build ─▶ check ─▶ compare ─▶ [index runs held up: the last vectors ─▶ nothing lost? ─▶ pointer] ─▶ catch up

The part in brackets is one transaction: whatever is counted in it is still so when it is committed. Whoever
is killed before it leaves a shadow that the next start goes on with; after it, files that the next index run,
or the next start, catches up with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from psycopg import Connection

from heimdex.errors import ChangeRefused, HeimdexError, StoreError
from heimdex.pipeline.shadow import ChangeOptions, ChangeProgress, OnChange, Shadow, Stop, Stopped
from heimdex.pipeline.tools import Tools
from heimdex.store import pointers
from heimdex.store.changes import ChangeState, Reach
from heimdex.store.database import Database, is_claimed

log = logging.getLogger(__name__)

__all__ = ["ChangeOptions", "ChangeProgress", "ChangeReport", "change_default", "change_model"]

TRIES = 30  # to move the pointer, while files are indexed faster than they are caught up with
CHANGES, PRUNE, INSTALLATION = "model changes", "model prune", "model change of the installation"

NOBODY = "00000000-0000-0000-0000-000000000000"  # whose transaction it is where no owner's rows are looked at

Move = Callable[[Connection[Any]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeReport:
    """How a change of one owner's model ended: switched, or building where it was stopped."""

    owner: str
    old: str | None
    new: str
    state: ChangeState
    report: dict[str, Any]  # scenes, vectors, failed, failed_share, checked, comparison, stragglers

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def change_model(
    tools_old: Tools,
    tools_new: Tools,
    options: ChangeOptions | None = None,
    stop: Stop = lambda: False,
    on_progress: OnChange = lambda _: None,
) -> ChangeReport:
    """Give one owner another model: its own choice from then on.

    Both tools are the owner's, each with its model. Once `stop` says so it ends at the next commit, to be
    gone on with by the same call. Raises ChangeRefused where the new vectors are not sound or another change
    is under way, ModelUnavailable, StoreError.
    """
    options = replace(options or ChangeOptions(), reach=Reach.OWNER)
    shadow = Shadow(tools_old, tools_new, options, stop, on_progress)

    def choose(connection: Connection[Any]) -> None:
        pointers.act_for(connection, shadow.owner)
        old = pointers.active_model(connection)
        if old is None or old.model.model_id != shadow.new.model_id:
            previous = None if old is None else old.model.model_id
            pointers.choose(connection, shadow.owner, shadow.new.model_id, previous)

    (report,) = _change([shadow], choose, shadow.owner)
    return report


def change_default(
    shadows: Sequence[Shadow], database: Database, new_id: int, *, percent: int | None = None
) -> list[ChangeReport]:
    """Give the installation another model, or so many percent of the owners the next one.

    `shadows` are of all owners that this reaches, of none where nothing is indexed yet; the pointer moves for
    all of them at once. Raises as `change_model` does.
    """

    def move(connection: Connection[Any]) -> None:
        default = pointers.find_default(connection)
        if percent is not None and percent < 100:
            pointers.set_next(connection, new_id, percent)
        elif default is None or default.model_id != new_id:
            pointers.set_default(connection, new_id, None if default is None else default.model_id)
        else:
            pointers.set_next(connection, None, 0)

    return _change(shadows, move, None, database)


def _change(
    shadows: Sequence[Shadow], move: Move, owner: str | None, database: Database | None = None
) -> list[ChangeReport]:
    """Make all shadows ready, move the pointer for all at once, catch up."""
    database = database or shadows[0].tools.database
    with alone(database, [owner] if owner else [INSTALLATION, *(shadow.owner for shadow in shadows)]):
        for shadow in shadows:
            shadow.begin()
        state = ChangeState.BUILDING
        try:
            for shadow in shadows:
                shadow.make_ready()
            _switch(database, shadows, move, owner)
            state = ChangeState.SWITCHED
            _catch_up(shadows)
        except Stopped:
            pass
        except HeimdexError as error:
            _fail(shadows, error)
            raise
    return [_report(shadow, state) for shadow in shadows]


def _switch(database: Database, shadows: Sequence[Shadow], move: Move, owner: str | None) -> None:
    anchor = owner or (shadows[0].owner if shadows else NOBODY)
    for _ in range(TRIES):
        # Not run again by `Database.run`: it holds up index runs, which must not be for long.
        with database.transaction(anchor) as connection:
            pointers.lock_pointer(connection, owner)
            for shadow in shadows:
                shadow.finish()
            if not any(shadow.lacks(connection) for shadow in shadows):
                move(connection)
                for shadow in shadows:
                    shadow.end(connection)
                return
        for shadow in shadows:
            shadow.build()
    raise ChangeRefused(
        "Files are being indexed faster than the new model catches up with them; begin again when that is "
        "over. What was made is kept, and searches go on as before."
    )


def _catch_up(shadows: Sequence[Shadow]) -> None:
    """The pointer has moved, whatever becomes of this: the next index run catches up as well."""
    for shadow in shadows:
        try:
            shadow.catch_up()
        except HeimdexError as error:
            log.warning("Files indexed during the change of model have no vectors yet: %s", error)


def _fail(shadows: Sequence[Shadow], error: HeimdexError) -> None:
    if isinstance(error, StoreError):  # the change goes on when the database is there again
        return
    for shadow in shadows:
        with suppress(StoreError):
            shadow.fail(str(error))


def _report(shadow: Shadow, state: ChangeState) -> ChangeReport:
    return ChangeReport(
        owner=shadow.owner,
        old=None if shadow.old is None else shadow.old.name,
        new=shadow.new.name,
        state=state,
        report=shadow.made.document(),
    )


@contextmanager
def alone(database: Database, keys: Sequence[str]) -> Iterator[None]:
    """Hold the changes of some owners (or of the installation), and keep models from being pruned.

    Raises ChangeRefused where somebody else holds one of them, or prunes.
    """
    claims = database.claims()
    try:
        claims.share(CHANGES)
        if database.run(NOBODY, partial(is_claimed, key=PRUNE), read_only=True):
            raise ChangeRefused("Vectors of models out of use are being removed; try again in a minute.")
        for key in keys:
            if not claims.try_claim(f"{key}/model change"):
                raise ChangeRefused("A change of the picture model is under way already; wait, or stop it.")
        yield
    finally:
        claims.close()
