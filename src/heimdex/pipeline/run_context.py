"""What the parts of an index run share: its tools, its ledger, and whether it goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from heimdex.entities import StageRun, StageState
from heimdex.errors import HeimdexError, Stopped, StoreError
from heimdex.pipeline.arrivals import Arrivals, Item
from heimdex.pipeline.flow import EARLY, FLOW, PICTURE, SCENES, Stage
from heimdex.pipeline.ledger import Attempt, Ledger, Outcome, is_current
from heimdex.pipeline.stages import Stages
from heimdex.pipeline.tally import Tally
from heimdex.pipeline.tools import Tools
from heimdex.store.vectors import StoredModel

TICK_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexOptions:
    """What to run and how stubbornly."""

    stages: tuple[Stage, ...] = FLOW
    hidden: bool = False
    retry: bool = False  # failures of earlier runs too, whatever their attempts
    is_part: bool = False  # of a run that is shared: what concerns the whole library is left to its end


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """One run. `lock` guards what its threads keep in common."""

    tools: Tools
    model: StoredModel
    options: IndexOptions
    tally: Tally
    stages: Stages
    arrivals: Arrivals
    ledger: Ledger
    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)
    halt: threading.Event = field(default_factory=threading.Event)  # whoever asked for the run wants its end

    @property
    def wants_pictures(self) -> bool:
        """Whether anything is to be encoded."""
        return PICTURE in self.options.stages and self.tools.pictures

    def check_halt(self) -> None:
        """Raise Stopped once the run is to end. For its main thread, as Ctrl-C is."""
        if self.halt.is_set():
            raise Stopped("the run was asked to stop; the next one goes on where it was")

    def check_stop(self) -> None:
        """Raise StoreError once the run was stopped."""
        if self.stop.is_set():
            raise StoreError("the run was stopped; `heimdex index` goes on where it was")

    def missing_stages(self, item: Item, ledger: Iterable[StageRun]) -> list[Stage]:
        """Those of the first stages that are asked for and that an asset lacks."""
        entries = {(run.stage, run.model_id): run for run in ledger}
        missing: list[Stage] = []
        for stage in EARLY:
            if stage not in self.options.stages:
                continue
            run = entries.get((stage.name, self.model.model_id if stage.per_model else 0))
            if self.options.retry and run is not None and run.state == StageState.FAILED:
                run = None
            if not is_current(run, stage.version, item.asset, skips=not self.tools.pictures):
                missing.append(stage)
        scenes = entries.get((SCENES.name, 0))
        if SCENES not in missing and (scenes is None or scenes.state == StageState.FAILED):
            return []  # nothing for later stages to rest on
        return missing


def failure(attempt: Attempt, error: HeimdexError) -> Outcome:
    """A stage that failed for an asset."""
    return Outcome(attempt=attempt, state=StageState.FAILED, error=str(error))
