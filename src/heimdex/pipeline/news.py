"""What became of each file of a run: told to the tally as it happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heimdex.entities import StageRun, StageState
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import Stage
from heimdex.pipeline.ledger import Outcome
from heimdex.pipeline.run_context import RunContext


class News:
    """Who is told how the stages went, the later ones too. Called from several threads."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._ran: set[str] = set()
        self._broken: set[str] = set()

    def note(self, item: Item, stage: Stage, outcome: Outcome) -> None:
        """A stage ran."""
        if outcome.state == StageState.FAILED:
            self._broken.add(item.asset.asset_id)
            self._run.tally.fail(item.stamp.text, stage.name, outcome.error or "")
        else:
            self._ran.add(item.asset.asset_id)

    def tell_failures(self, item: Item, ledger: Iterable[StageRun], among: Sequence[Stage]) -> None:
        """What failed in earlier runs and is not tried again."""
        names = {stage.name for stage in among}
        for run in ledger:
            ours = run.stage in names and run.model_id in (0, self._run.model.model_id)
            if ours and run.state == StageState.FAILED:
                self.failed_before(item, run)

    def finish(self, item: Item) -> None:
        """A file has been through the first stages."""
        asset_id = item.asset.asset_id
        if item.arrival in ("moved", "duplicate"):
            what = "moved" if item.arrival == "moved" else "duplicates"
        elif asset_id in self._ran:
            what = "indexed"
        elif item.arrival == "new" and asset_id in self._broken:
            what = "refused"
        else:
            what = "unchanged"  # a new one too, when another process did the work
        self._run.tally.file(what)

    # Of the later stages: later.Listener

    def say(self, what: str) -> None:
        """What is in hand."""
        self._run.tally.current = what
        self._run.tally.tell()

    def failed_before(self, item: Item, run: StageRun) -> None:
        """It failed before and is not tried again."""
        self._run.tally.fail(item.stamp.text, run.stage, run.error or "")

    def ended(self, item: Item, stage: Stage, outcome: Outcome) -> None:
        """It ran."""
        with self._run.lock:
            if item.arrival == "unchanged" and item.asset.asset_id not in self._ran:
                self._run.tally.turn("unchanged", "indexed")
            self.note(item, stage, outcome)
