"""The door to the picture model in use: which one it is, changing it under running searches, going back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from heimdex.app import model_state, parts
from heimdex.app.change_options import StartOptions
from heimdex.app.comparing import COMPARED, compare
from heimdex.errors import ModelError, StoreError, UsageError

if TYPE_CHECKING:
    from psycopg import Connection

    from heimdex.app import Heimdex
    from heimdex.pipeline.shadow import ChangeOptions, OnChange
    from heimdex.pipeline.tools import PictureModel, Tools
    from heimdex.store.pointers import PointedModel

__all__ = ["ModelChange", "StartOptions"]


class ModelChange:
    """The model in use of an installation, seen from one of its libraries."""

    def __init__(self, heimdex: Heimdex) -> None:
        self._heimdex = heimdex

    def start(
        self,
        model: str,
        options: StartOptions | None = None,
        *,
        stop: Callable[[], bool] = lambda: False,
        on_progress: OnChange = lambda _: None,
    ) -> dict[str, Any]:
        """Build, check and compare, then move the pointer; searches go on with the old model until then.

        {"model", "changes": [{"owner", "old", "new", "state", "report"}]}. What was stopped or killed goes on
        where it was. Raises UsageError, NotFound, ModelUnavailable, SettingsError, ChangeRefused, StoreError.
        """
        from heimdex.pipeline.model_change import change_default, change_model
        from heimdex.pipeline.shadow import Shadow
        from heimdex.store.changes import Reach

        options = options or StartOptions()
        new = self._new(model, options)
        if options.owners:
            reports = [
                change_model(*self._pair(one, new), self._options(one, new, options), stop, on_progress)
                for one in map(self._of, options.owners)
            ]
        else:
            new_id = self._register(new)
            self._refuse_another_rollout(new_id)
            reach = Reach.DEFAULT if options.percent is None else Reach.SHARE

            def make(owner: str) -> Shadow:
                one = self._of(owner)
                return Shadow(
                    *self._pair(one, new), self._options(one, new, options, reach), stop, on_progress
                )

            reports = change_default(self._heimdex.database, make, new_id, percent=options.percent)
        return {"model": new.row.name, "changes": [report.document() for report in reports]}

    def check(self, model: str, options: StartOptions) -> str:
        """The full name of a model that may be taken into use like this. Raises as `start` does."""
        return self._new(model, options).row.name

    def plan(self, model: str, options: StartOptions | None = None) -> dict[str, Any]:
        """What `start` would make: {"model", "owners", "scenes", "vectors", "seconds"}. Changes nothing."""
        from heimdex.pipeline.backfill import backfill
        from heimdex.pipeline.backfill_tally import BackfillOptions

        options = options or StartOptions()
        new = self._new(model, options)
        owners = options.owners or self._reached(options.percent)
        found = [backfill(self._of(owner).tools_with(new), BackfillOptions(dry_run=True)) for owner in owners]
        return {
            "model": new.row.name,
            "owners": len(found),
            "scenes": sum(report.scenes for report in found),
            "vectors": sum(report.vectors for report in found),
            "seconds": round(sum(report.seconds for report in found), 1),
            "dry_run": True,
        }

    def state(self) -> dict[str, Any]:
        """The model in use and why it is, the one before, a roll-out under way, this library's changes.

        {"model", "source": "choice|default|settings", "previous", "setting", "notice", "rollout":
        {"model", "percent", "reached"} or null, "changes": [{"state", "from", "to", …}]}
        """
        return self._heimdex.database.run(
            self._heimdex.owner,
            lambda c: model_state.describe(c, self._heimdex.settings, self._heimdex.owner),
            read_only=True,
        )

    def full_state(self) -> dict[str, Any]:
        """The same with `coverage`: how many kept frames have their vectors, model by model."""
        return self._heimdex.database.run(
            self._heimdex.owner,
            lambda c: model_state.with_coverage(c, self._heimdex.settings, self._heimdex.owner),
            read_only=True,
        )

    def libraries(self) -> dict[str, Any]:
        """Every library's model, coverage and latest change; for administrators.

        {"model": the installation's, "rollout", "libraries": [{"owner", "model", "source", "coverage",
        "change"}], "count"}
        """
        from heimdex.pipeline.model_change import NOBODY

        settings = self._heimdex.settings
        work = partial(model_state.describe_all, settings=settings)
        return self._heimdex.database.run(NOBODY, work, read_only=True)

    def default(self) -> str:
        """The name of the installation's model, whatever owners chose; before there is one, the settings'.

        Does not wait for a database that is away. Raises StoreError.
        """
        from heimdex.pipeline.model_change import NOBODY

        database = self._heimdex.database
        name = database.run(NOBODY, model_state.default_name, read_only=True, patience_s=0.0)
        return name or self._heimdex.settings.picture_model

    def models_in_use(self) -> tuple[str, ...]:
        """The names of the picture models that any owner uses, or may go back to.

        Starts no database: before there is one, and where it cannot be reached, that of the settings.
        """
        from heimdex.pipeline.pruning import needed_models

        settings = self._heimdex.settings
        if settings.database_url is None and not (settings.home / "postgres").exists():
            return (settings.picture_model,)
        try:
            return needed_models(self._heimdex.database) or (settings.picture_model,)
        except StoreError:
            return (settings.picture_model,)

    def rollback(self, owners: Sequence[str] = (), *, catch_up: bool = True) -> dict[str, Any]:
        """Go back to the model before, at once: of some owners, or of the installation (which also ends a
        roll-out). Then, with `catch_up`, vectors are made for what was indexed meanwhile.

        {"rolled_back": [{"owner": … or null, "from", "to"}], "scenes": those made}. Raises UsageError,
        ChangeRefused where there is no way back, ModelUnavailable where that model is not installed here.
        """
        from heimdex.pipeline import pointing

        database, settings = self._heimdex.database, self._heimdex.settings
        if not self._heimdex.settings.pictures:
            raise UsageError("Pictures are switched off; there is no picture model to go back to.")

        def check(pointed: PointedModel) -> None:
            parts.picture_model(settings, pointed.model.name)

        if owners:
            moved = [pointing.of_owner(database, self._of(owner).owner, check) for owner in owners]
            reached: Sequence[str] = [self._of(owner).owner for owner in owners]
        else:
            moved = [pointing.of_installation(database, check)]
            reached = self._reached(None)
        scenes = sum(self._of(owner).backfill().scenes for owner in reached) if catch_up else 0
        return {"rolled_back": [asdict(one) for one in moved], "scenes": scenes}

    def rollback_by_jobs(self, owners: Sequence[str] = (), *, catch_up: bool = True) -> dict[str, Any]:
        """The same, but backfill jobs make up for what was indexed meanwhile: {"rolled_back", "jobs": n}."""
        found = self.rollback(owners, catch_up=False)
        reached = list(owners or self._reached(None)) if catch_up else []
        for owner in reached:
            self._of(owner).jobs.add_backfill()
        return {"rolled_back": found["rolled_back"], "jobs": len(reached)}

    def choose(self, owner: str, model: str | None) -> dict[str, Any]:
        """Point an owner to a model whose vectors are all there, or (None) let it follow the installation.

        Nothing is built: `start` does that. Raises ChangeRefused where pictures would be lost, NotFound.
        """
        from heimdex.pipeline import pointing

        one = self._of(owner)
        new_id = None if model is None else self._register(parts.picture_model(one.settings, model))
        pointing.point(one.database, one.owner, new_id)
        return one.model_change.state()

    def prune(self) -> dict[str, Any]:
        """Remove vectors of models that were left and nobody uses: {"pruned": [{"model", "vectors"}]}."""
        from heimdex.pipeline.pruning import prune

        return {"pruned": [asdict(one) for one in prune(self._heimdex.database)]}

    def queries(self) -> list[dict[str, Any]]:
        """The queries two models are compared by: saved ones, then the latest."""
        from heimdex.store import changes

        owner = self._heimdex.owner
        found = self._heimdex.database.run(
            owner, lambda c: changes.list_queries(c, owner, limit=COMPARED), read_only=True
        )
        return [asdict(one) for one in found]

    def save_query(self, query: str) -> None:
        """Keep a query for good. Raises UsageError for one that is empty or too long."""
        from heimdex.store import changes

        query = query.strip()
        if not 0 < len(query) <= changes.LONGEST_QUERY:
            raise UsageError(f"A query to save has 1 to {changes.LONGEST_QUERY} characters.")
        owner = self._heimdex.owner
        self._heimdex.database.run(owner, lambda c: changes.note_query(c, owner, query, saved=True))

    def forget_query(self, query: str) -> bool:
        """Forget a query, saved or not; whether there was one."""
        from heimdex.store import changes

        owner = self._heimdex.owner
        return self._heimdex.database.run(owner, lambda c: changes.forget_query(c, owner, query))

    def _new(self, name: str, options: StartOptions) -> PictureModel:
        """The model that is to come. Raises where it is not here, or the options make no sense."""
        settings = self._heimdex.settings
        if not settings.pictures:
            raise UsageError("Pictures are switched off; no model can be taken into use.")
        options.check()
        new = parts.picture_model(settings, name)
        parts.expect(settings, new)
        return new

    def _refuse_another_rollout(self, new_id: int) -> None:
        from heimdex.store import pointers

        def read(connection: Connection[Any]) -> PointedModel | None:
            default = pointers.find_default(connection)
            if default is None or default.next_id in (None, new_id):
                return None
            return pointers.model_by_id(connection, default.next_id or 0)

        other = self._heimdex.database.run(self._heimdex.owner, read, read_only=True)
        if other is not None:
            name = other.model.name
            raise UsageError(
                f"A roll-out of {name} is under way. End it with `heimdex models use {name}` for everybody, "
                "or `heimdex models rollback`, then begin another."
            )

    def _reached(self, percent: int | None) -> list[str]:
        """The owners whose model is the installation's, as far as a roll-out to so many reaches."""
        from heimdex.pipeline.model_change import NOBODY, followers

        return self._heimdex.database.run(NOBODY, lambda c: followers(c, percent), read_only=True)

    def _pair(self, one: Heimdex, new: PictureModel) -> tuple[Tools, Tools]:
        """An owner's tools with the model in use (where that is not here, with the new one), and the new."""
        try:
            old = one.model
        except ModelError:
            old = new
        return one.tools_with(old), one.tools_with(new)

    def _options(
        self, one: Heimdex, new: PictureModel, options: StartOptions, reach: Any = None
    ) -> ChangeOptions:
        from heimdex.pipeline.shadow import ChangeOptions
        from heimdex.store.changes import Reach

        def hold_against() -> Mapping[str, Any]:
            return compare(one, new)

        return ChangeOptions(
            reach=reach or Reach.OWNER,
            keep_days=options.keep_days,
            sample=options.sample,
            most_failed=options.most_failed,
            compare=hold_against,
        )

    def _register(self, new: PictureModel) -> int:
        from heimdex.pipeline import models

        def enter(connection: Connection[Any]) -> int:
            return models.register(connection, new).model_id

        return self._heimdex.database.run(self._heimdex.owner, enter)

    def _of(self, owner: str) -> Heimdex:
        try:
            one = self._heimdex.for_owner(owner)
        except ValueError as error:
            raise UsageError(f"{owner!r} is no owner: a UUID is wanted") from error
        return self._heimdex if one.owner == self._heimdex.owner else one
