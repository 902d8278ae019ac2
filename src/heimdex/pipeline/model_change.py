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
from heimdex.store.database import Claims, Database, is_claimed

log = logging.getLogger(__name__)

__all__ = ["ChangeOptions", "ChangeProgress", "ChangeReport", "change_default", "change_model"]

TRIES = 30  # to move the pointer, while files are indexed faster than they are caught up with
CHANGES, PRUNE, INSTALLATION = "model changes", "model prune", "model change of the installation"

NOBODY = "00000000-0000-0000-0000-000000000000"  # whose transaction it is where no owner's rows are looked at

Move = Callable[[Connection[Any]], None]
MakeShadow = Callable[[str], Shadow]


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
    owner, database = tools_new.owner, tools_new.database

    def make(_: str) -> Shadow:
        return Shadow(tools_old, tools_new, options, stop, on_progress)

    def choose(connection: Connection[Any], new_id: int) -> None:
        pointers.act_for(connection, owner)
        old = pointers.active_model(connection)
        if old is None or old.model.model_id != new_id:
            pointers.choose(connection, owner, new_id, None if old is None else old.model.model_id)

    with alone(database, [owner]) as claims:
        change = _Change(database, claims, make, lambda _: [owner])
        (report,) = change.run(owner, lambda connection: choose(connection, change.shadows[0].new.model_id))
    return report


def change_default(
    database: Database, make: MakeShadow, new_id: int, *, percent: int | None = None
) -> list[ChangeReport]:
    """Give the installation another model, or so many percent of the owners the next one.

    `make` gives an owner's shadow. The pointer moves at once for all owners who follow the installation,
    those included who came while the others' vectors were made. Raises as `change_model` does.
    """

    def move(connection: Connection[Any]) -> None:
        default = pointers.find_default(connection)
        if percent is not None and percent < 100 and default is not None:
            pointers.set_next(connection, new_id, percent)
        elif default is None or default.model_id != new_id:
            pointers.set_default(connection, new_id, None if default is None else default.model_id)
        else:
            pointers.set_next(connection, None, 0)

    with alone(database, [INSTALLATION]) as claims:
        return _Change(database, claims, make, partial(followers, percent=percent)).run(None, move)


def followers(connection: Connection[Any], percent: int | None) -> list[str]:
    """Owners without a choice of their own; of these, those that a roll-out to so many percent reaches."""
    found = []
    for owner in pointers.libraries(connection, percent=percent):
        pointers.act_for(connection, owner)
        if pointers.find_choice(connection, owner) is None:
            found.append(owner)
    return found


class _Change:
    """A change on its way, of one owner or of all that follow the installation."""

    def __init__(
        self,
        database: Database,
        claims: Claims,
        make: MakeShadow,
        reached: Callable[[Connection[Any]], list[str]],
    ) -> None:
        self.shadows: list[Shadow] = []
        self._database = database
        self._claims = claims
        self._make = make
        self._reached = reached

    def run(self, owner: str | None, move: Move) -> list[ChangeReport]:
        """Make all shadows ready, move the pointer (of `owner`, or the installation's), catch up."""
        state = ChangeState.BUILDING
        try:
            self._take_in(self._database.run(NOBODY, self._reached, read_only=True), own=owner is not None)
            self._switch(owner, move)
            state = ChangeState.SWITCHED
            _catch_up(self.shadows)
        except Stopped:
            pass
        except HeimdexError as error:
            self._fail(error)
            raise
        return [_report(shadow, state) for shadow in self.shadows]

    def _take_in(self, owners: Sequence[str], *, own: bool) -> None:
        """Build and check what is to come of some owners."""
        for owner in owners:
            if not own:
                take(self._claims, owner)
            shadow = self._make(owner)
            shadow.begin()
            self.shadows.append(shadow)
        for shadow in self.shadows[len(self.shadows) - len(owners) :]:
            shadow.make_ready()

    def _switch(self, owner: str | None, move: Move) -> None:
        for _ in range(TRIES):
            # Not run again by `Database.run`: it holds up index runs, which must not be for long.
            with self._database.transaction(owner or NOBODY) as connection:
                pointers.lock_pointer(connection, owner)
                for shadow in self.shadows:
                    shadow.finish()
                known = {shadow.owner for shadow in self.shadows}
                newcomers = [one for one in self._reached(connection) if one not in known]
                if not newcomers and not any(shadow.lacks(connection) for shadow in self.shadows):
                    move(connection)
                    for shadow in self.shadows:
                        shadow.end(connection)
                    return
            for shadow in self.shadows:
                shadow.build()
            self._take_in(newcomers, own=False)
        raise ChangeRefused(
            "Files are being indexed faster than the new model catches up with them; begin again when that "
            "is over. What was made is kept, and searches go on as before."
        )

    def _fail(self, error: HeimdexError) -> None:
        if isinstance(error, StoreError):  # the change goes on when the database is there again
            return
        for shadow in self.shadows:
            with suppress(StoreError):
                shadow.fail(str(error))


def _catch_up(shadows: Sequence[Shadow]) -> None:
    """The pointer has moved, whatever becomes of this: the next index run catches up as well."""
    for shadow in shadows:
        try:
            shadow.catch_up()
        except HeimdexError as error:
            log.warning("Files indexed during the change of model have no vectors yet: %s", error)


def _report(shadow: Shadow, state: ChangeState) -> ChangeReport:
    return ChangeReport(
        owner=shadow.owner,
        old=None if shadow.old is None else shadow.old.name,
        new=shadow.new.name,
        state=state,
        report=shadow.made.document(),
    )


@contextmanager
def alone(database: Database, keys: Sequence[str]) -> Iterator[Claims]:
    """Hold the changes of some owners (or of the installation), and keep models from being pruned.

    Raises ChangeRefused where somebody else holds one of them, or prunes.
    """
    claims = database.claims()
    try:
        claims.share(CHANGES)
        if database.run(NOBODY, partial(is_claimed, key=PRUNE), read_only=True):
            raise ChangeRefused("Vectors of models out of use are being removed; try again in a minute.")
        for key in keys:
            take(claims, key)
        yield claims
    finally:
        claims.close()


def take(claims: Claims, key: str) -> None:
    """Hold the changes of one more. Raises ChangeRefused where somebody else does."""
    if not claims.try_claim(f"{key}/model change"):
        raise ChangeRefused("A change of the picture model is under way already; wait, or stop it.")
