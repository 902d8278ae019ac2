"""Derived files that no row names: what attempts leave behind that were killed, taken over, or failed."""

from __future__ import annotations

from collections.abc import Iterable

from heimdex.entities import StageRun, StageState
from heimdex.pipeline.flow import SCENES
from heimdex.pipeline.ledger import Attempt, Ledger
from heimdex.pipeline.tools import Tools
from heimdex.store import scenes


class Leftovers:
    """Puts them away. Rows are asked what is in use; an asset's files belong to whoever has claimed it."""

    def __init__(self, tools: Tools, ledger: Ledger) -> None:
        self.tools = tools
        self.ledger = ledger

    def after_success(self, attempt: Attempt) -> None:
        """An attempt was committed: the files of all others go. The asset is claimed by us."""
        self.tools.derived.keep_only(attempt.key.asset_id, attempt.number)

    def after_failure(self, attempt: Attempt) -> None:
        """An attempt failed: its files go, those of an earlier success stay. The asset is claimed by us."""
        self._remove_unused(attempt.key.asset_id)

    def after_defeat(self, attempt: Attempt) -> None:
        """An attempt was taken over, or its asset removed: its own files go, the others are not ours."""
        self.tools.derived.remove_attempt(attempt.key.asset_id, attempt.number)

    def of_killed(self, asset_id: str, ledger: Iterable[StageRun]) -> None:
        """What processes left of an asset that were killed between a commit and its clearing up."""
        scenes_run = next((run for run in ledger if run.stage == SCENES.name), None)
        done = scenes_run is not None and scenes_run.state == StageState.DONE
        expected = scenes_run.attempt if scenes_run is not None and done else None
        if self.tools.derived.is_tidy(asset_id, expected) or not self.ledger.claim(asset_id):
            return
        try:
            self._remove_unused(asset_id)
        finally:
            self.ledger.release(asset_id)

    def _remove_unused(self, asset_id: str) -> None:
        owner, derived = self.tools.owner, self.tools.derived
        kept = self.tools.database.run(
            owner, lambda c: scenes.keyframes_of(c, owner, [asset_id]), read_only=True
        )[asset_id]
        if kept:
            derived.keep_only(asset_id, derived.attempt_of(kept[0].frame.key))
        else:
            derived.remove_asset(asset_id)
