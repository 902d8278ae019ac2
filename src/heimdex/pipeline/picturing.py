"""The stage `picture` of a run: what is ready for it is gathered into groups, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from contextlib import suppress

from heimdex.errors import ModelError, NotFound, WorkerError
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import PICTURE
from heimdex.pipeline.held import Held
from heimdex.pipeline.ledger import Attempt
from heimdex.pipeline.news import News
from heimdex.pipeline.run_context import TICK_S, RunContext, failure
from heimdex.pipeline.stages import BATCH
from heimdex.store.runs import RunKey

QUEUE_ITEMS = 256  # assets that may wait for vectors; keeps decoding from running far ahead


class Picturing:
    """Vectors, in groups."""

    def __init__(self, run: RunContext, news: News, held: Held) -> None:
        self._run, self._news, self._held = run, news, held
        self._ready: queue.Queue[Item | None] = queue.Queue(QUEUE_ITEMS)
        self._warmer: threading.Thread | None = None

    def expect(self) -> None:
        """Load the model while the first file is looked at: two things that take one core each."""
        run = self._run
        with run.lock:
            if run.wants_pictures and self._warmer is None and not run.stop.is_set():
                self._warmer = threading.Thread(target=run.stages.expect_pictures, name="warm")
                self._warmer.start()

    def put(self, item: Item | None) -> None:
        """Hand an item over; None: there is no more."""
        while not self._run.stop.is_set():
            try:
                self._ready.put(item, timeout=TICK_S)
            except queue.Full:
                continue
            return

    def gather(self) -> None:
        """Take what is ready in groups, until there is no more."""
        more = True
        while more:
            item = self._ready.get()
            group: list[Item] = []
            while item is not None:
                group.append(item)
                if len(group) == BATCH:
                    break
                try:
                    item = self._ready.get_nowait()
                except queue.Empty:
                    break
            more = item is not None
            if group and not self._run.stop.is_set():
                self._picture(group)

    def wake(self, gatherer: threading.Thread) -> None:
        """Let the gatherer end: after a stop it may still wait for an item."""
        while gatherer.is_alive():
            try:
                self._ready.put(None, timeout=TICK_S)
            except queue.Full:
                with suppress(queue.Empty):
                    self._ready.get_nowait()
            gatherer.join(TICK_S)

    def join(self) -> None:
        """Wait for a model that is still being loaded."""
        if self._warmer is not None:
            self._warmer.join()

    def _picture(self, group: Sequence[Item]) -> None:
        run = self._run
        begun = self._begin(group)
        here, attempts = [item for item, _ in begun], [attempt for _, attempt in begun]
        try:
            outcomes = run.stages.picture(begun)
        except (ModelError, WorkerError) as error:
            outcomes = [failure(attempt, error) for attempt in attempts]
        run.check_stop()
        written = {outcome.attempt.key.asset_id for outcome in run.ledger.finish_each(outcomes)}
        for item, outcome in zip(here, outcomes, strict=True):
            if item.asset.asset_id in written:
                self._news.note(item, PICTURE, outcome)
        for item in group:
            self._held.finish(item)

    def _begin(self, group: Sequence[Item]) -> list[tuple[Item, Attempt]]:
        """Take the stage over for those of the group that were not removed meanwhile."""
        run, model_id = self._run, self._run.model.model_id
        while True:
            here = [item for item in group if run.arrivals.is_there(item)]
            keys = [RunKey(asset_id=i.asset.asset_id, stage=PICTURE.name, model_id=model_id) for i in here]
            with suppress(NotFound):  # removed between the two questions
                return list(zip(here, run.ledger.begin(keys, PICTURE.version), strict=True))
