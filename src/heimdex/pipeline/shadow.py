"""A shadow space: the vectors of a new model beside those that answer searches, for one owner.

It is filled from kept frames, checked, and held against the old one; nothing that searches use is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from psycopg import Connection

from heimdex.entities import Refusal
from heimdex.errors import ChangeRefused
from heimdex.pipeline import models
from heimdex.pipeline.backfill import backfill
from heimdex.pipeline.backfill_tally import BackfillOptions, BackfillProgress, BackfillReport
from heimdex.pipeline.flow import PICTURE, SCENES
from heimdex.pipeline.inspection.space import SpaceCheck, check_space
from heimdex.pipeline.ledger import claim_key
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.wanted import FIRST, of_model, wanted_of
from heimdex.store import backlog, changes, checks, pointers
from heimdex.store.changes import ChangeState, NewChange, Reach
from heimdex.store.vectors import StoredModel

FAULTS_TOLD = 5
FAILURES_TOLD = 100
MOST_IN_FLIGHT = 1000  # assets that a check may find in the hands of index runs
FEW_SCENES = 200  # that may be made while index runs are held up

Compare = Callable[[], Mapping[str, Any]]
"""Holds the answers of both models against each other: {"queries": […], "overlap", "rank_correlation", …}."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeOptions:
    """How a change is made."""

    reach: Reach = Reach.OWNER
    keep_days: int = 30  # vectors of the model that is left stay so long
    sample: int = 64  # kept frames whose vectors are computed again
    most_failed: float = 0.05  # share of the pictures seen until now that the new model may fail on
    compare: Compare | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeProgress:
    """How far a change has come. `phase`: building, checking, comparing, switching, catching up."""

    owner: str
    phase: str
    scenes_done: int = 0
    scenes_total: int = 0


OnChange = Callable[[ChangeProgress], None]
Stop = Callable[[], bool]


class Stopped(Exception):
    """Somebody asked the change to stop; it goes on where it was when it is begun again."""


@dataclass(kw_only=True, slots=True)
class Made:
    """What is known of a shadow by now."""

    scenes: int = 0
    vectors: int = 0
    failed: tuple[Refusal, ...] = ()
    failed_share: float = 0.0
    checked: dict[str, int] = field(default_factory=dict)
    comparison: Mapping[str, Any] | None = None
    left_behind: int = 0  # frames of files that have to be looked at again: not found until they are
    stragglers: int = 0  # scenes that were indexed with the old model while the pointer moved

    def document(self) -> dict[str, Any]:
        """As it is kept with the change."""
        return {
            "scenes": self.scenes,
            "vectors": self.vectors,
            "failed": [asdict(refusal) for refusal in self.failed],
            "failed_share": self.failed_share,
            "checked": self.checked,
            "comparison": self.comparison,
            "left_behind": self.left_behind,
            "stragglers": self.stragglers,
        }


class Shadow:
    """One owner's. `tools_new` are `tools_old` with the model that is to come."""

    def __init__(
        self, tools_old: Tools, tools_new: Tools, options: ChangeOptions, stop: Stop, on_change: OnChange
    ) -> None:
        self.tools = tools_new
        self.owner = tools_new.owner
        self.options = options
        self.made = Made()
        self._stop = stop
        self._on_change = on_change
        run = tools_new.database.run
        self.new: StoredModel = run(self.owner, lambda c: models.register(c, tools_new.model))
        self.old: StoredModel | None = run(self.owner, lambda c: self._in_use(c, tools_old), read_only=True)
        self._wanted = of_model(wanted_of(tools_new, BackfillOptions()), self.new)
        self.change_id = ""

    def begin(self) -> None:
        """Enter the change, or go on with one that was cut off."""
        new = NewChange(
            from_id=None if self.old is None or self.old == self.new else self.old.model_id,
            to_id=self.new.model_id,
            reach=self.options.reach,
            keep_days=self.options.keep_days,
        )
        self.change_id = self._write(lambda c: changes.begin_change(c, self.owner, new))

    def make_ready(self) -> None:
        """Build, check, compare. Raises ChangeRefused, Stopped, ModelUnavailable, StoreError."""
        self.build()
        self._note_failures()
        self._check()
        if self.options.compare is not None:
            self._tell("comparing")
            self.made.comparison = self.options.compare()
        self._note(ChangeState.READY)

    def build(self) -> None:
        """Make what is lacking; what is indexed meanwhile is caught up with until little is left."""
        self._fill("building", BackfillOptions())

    def finish(self) -> None:
        """Make the last vectors while index runs are held up; what these have in hand is left out."""
        if self._due(limit=FEW_SCENES) <= FEW_SCENES:
            self._fill("switching", BackfillOptions(wait=False))

    def catch_up(self) -> None:
        """After the switch: what index runs that had begun before it made with the old model."""
        self.made.stragglers = self._fill("catching up", BackfillOptions()).scenes
        self._note()

    def lacks(self, connection: Connection[Any]) -> bool:
        """Whether a picture would be lost by switching now; in the transaction that would.

        Assets whose scenes an index run has just made, and which it has in hand, could not be seen before
        either: they are caught up with.
        """
        pointers.act_for(connection, self.owner)
        if self._lost(connection)[0]:
            return True
        due = [asset for asset, _ in backlog.next_due(connection, self._wanted, FIRST, limit=MOST_IN_FLIGHT)]
        keys = {claim_key(self.owner, asset_id): asset_id for asset_id in due}
        return bool(due) and len(checks.claimed(connection, keys)) < len(due)

    def _lost(self, connection: Connection[Any]) -> tuple[int, int]:
        if self.old is None or self.old == self.new:
            return 0, 0
        return pointers.count_lost(connection, self.owner, self.old, self.new, SCENES.version)

    def end(self, connection: Connection[Any]) -> None:
        """Enter that the pointer moved, in the transaction that moves it."""
        pointers.act_for(connection, self.owner)
        self.made.left_behind = self._lost(connection)[1]
        changes.note_change(connection, self.owner, self.change_id, self.made.document())
        changes.end_change(connection, self.owner, self.change_id, ChangeState.SWITCHED)

    def fail(self, reason: str) -> None:
        """Enter that it did not come to it."""
        self._write(lambda c: changes.end_change(c, self.owner, self.change_id, ChangeState.FAILED, reason))

    def _fill(self, phase: str, options: BackfillOptions) -> BackfillReport:
        def hear(progress: BackfillProgress) -> None:
            self._tell(phase, progress.scenes_done, progress.scenes_total)

        self._tell(phase)
        report = backfill(self.tools, options, hear)
        self.made.scenes += report.scenes
        self.made.vectors += report.vectors
        return report

    def _note_failures(self) -> None:
        """Frames that failed are done with, but not if they are many: then it is not the frames."""
        owner, model_id = self.owner, self.new.model_id
        failed = self._read(
            partial(changes.failed_assets, owner=owner, model_id=model_id, limit=FAILURES_TOLD)
        )
        self.made.failed = tuple(
            Refusal(path=path, stage=PICTURE.name, error=error or "") for path, error in failed
        )
        if self.old is None or self.old == self.new:
            return
        seen, blinded = self._read(partial(pointers.count_blinded, owner=owner, old=self.old, new=self.new))
        self.made.failed_share = round(blinded / seen, 4) if seen else 0.0
        if self.made.failed_share > self.options.most_failed:
            first = self.made.failed[0].error if self.made.failed else ""
            raise ChangeRefused(
                f"{self.new.name} failed on {blinded} of {seen} pictures that can be found now ({first}). "
                f"`heimdex backfill --model {self.new.name} --failed` tries them again; --most-failed allows "
                "for more.",
                is_of_library=True,
            )

    def _check(self) -> None:
        self._tell("checking")
        found: SpaceCheck = check_space(
            self.tools, self.new, sample=self.options.sample, on_page=lambda: self._tell("checking")
        )
        self.made.checked = {"assets": found.assets, "frames_encoded_again": found.frames_encoded_again}
        if found.faults:
            named = "; ".join(f"{fault.what}: {fault.where}" for fault in found.faults[:FAULTS_TOLD])
            more = f" and {len(found.faults) - FAULTS_TOLD} more" if len(found.faults) > FAULTS_TOLD else ""
            raise ChangeRefused(
                f"The vectors of {self.new.name} are not sound: {named}{more}. Mend with "
                f"{found.faults[0].mend}, then begin again; searches go on as before.",
                is_of_library=True,
            )

    def _due(self, *, limit: int) -> int:
        """Scenes that are still to be made, counted a little beyond the limit."""
        assets = self._read(partial(backlog.next_due, wanted=self._wanted, after=FIRST, limit=limit + 1))
        return sum(scenes for _, scenes in assets)

    def _tell(self, phase: str, done: int = 0, total: int = 0) -> None:
        if self._stop():
            raise Stopped
        self._on_change(ChangeProgress(owner=self.owner, phase=phase, scenes_done=done, scenes_total=total))

    def _note(self, state: ChangeState | None = None) -> None:
        document = self.made.document()
        self._write(lambda c: changes.note_change(c, self.owner, self.change_id, document, state=state))

    def _in_use(self, connection: Connection[Any], tools_old: Tools) -> StoredModel | None:
        """The model that searches use now; before anything was taken into use, that of the settings."""
        pointed = pointers.active_model(connection)
        return models.find(connection, tools_old.model) if pointed is None else pointed.model

    def _read(self, work: Callable[[Connection[Any]], Any]) -> Any:
        return self.tools.database.run(self.owner, work, read_only=True)

    def _write(self, work: Callable[[Connection[Any]], Any]) -> Any:
        return self.tools.database.run(self.owner, work)
