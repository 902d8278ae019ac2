"""The interface of the stages that follow once an asset has its scenes and pictures: one verb each."""

from __future__ import annotations

from abc import ABC, abstractmethod

from heimdex.entities import StageRun, StageState
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import Stage
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.worker import Report


class Verb(ABC):
    """What one stage does to an asset. Made for one run, closed at its end; called from one thread."""

    stage: Stage
    model_id: int = 0  # in the ledger; 0 where the stage has no model

    def off(self) -> str | None:
        """Why this stage is left out for the whole library (a setting, nothing to do it with); None: it runs.

        Assets are then entered as `skipped`.
        """
        return None

    def is_due(self, item: Item, run: StageRun) -> bool:
        """Whether a stage that ended is to run again for a reason the ledger does not know. Costs little."""
        return False

    def waits(self) -> str | None:
        """Why the rest has to wait for another run (a budget is used up, a service does not answer).

        May come up in the middle of a run. Assets not begun yet stay as they are. None: it goes on.
        """
        return None

    def wants(self) -> str | None:
        """What is to be told at the end of a run: why the stage waits, or what it has to do without.

        None: nothing is wanting. What a setting switched off is not wanting.
        """
        return self.waits()

    def settles(self, item: Item) -> StageState | None:
        """How the stage ends for an asset it has nothing to do with, e.g. EMPTY for the speech of a photo.

        None: `work` is to be asked.
        """
        return None

    @abstractmethod
    def work(self, item: Item, attempt: Attempt, report: Report) -> Outcome:
        """Do it, in worker processes, and return the outcome with the function that writes its rows.

        `report` is to be called now and then; it raises when the run was stopped. Raises MediaError,
        WorkerError or ModelError where this asset cannot be done: it is entered as failed, with the message.
        """

    def close(self) -> None:  # noqa: B027, one without processes has nothing to end
        """End its worker processes, busy ones too."""
