"""A file of a run on its way through `examine` and `scenes`."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from heimdex.entities import FileStamp, StageState
from heimdex.errors import MediaError, NotFound, StoreError, Superseded, WorkerError
from heimdex.media.recognise import recognise
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import EARLY, PICTURE, SCENES
from heimdex.pipeline.held import Held
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.leftovers import Leftovers
from heimdex.pipeline.news import News
from heimdex.pipeline.picturing import Picturing
from heimdex.pipeline.run_context import RunContext, failure
from heimdex.store.runs import RunKey

log = logging.getLogger(__name__)


class Dividing:
    """One file at a time in each thread; hands what is ready on to the pictures."""

    def __init__(self, run: RunContext, news: News, held: Held, pictures: Picturing) -> None:
        self._run, self._news, self._held, self._pictures = run, news, held, pictures
        self._leftovers = Leftovers(run.tools, run.ledger)
        self.elsewhere: list[Item] = []  # in the hands of others, to be asked for again
        self.met: dict[str, Item] = {}  # what the later stages are for, by asset

    def unfinished(self, items: Sequence[Item]) -> list[Item]:
        """Unchanged files whose asset still lacks a stage; the others are counted and done with."""
        run = self._run
        ledger = run.ledger.runs_of({item.asset.asset_id for item in items})
        unfinished = []
        for item in items:
            runs = ledger[item.asset.asset_id]
            self.met[item.asset.asset_id] = item
            if run.missing_stages(item, runs):
                unfinished.append(item)
            else:
                run.tally.file("unchanged")
                self._news.tell_failures(item, runs, EARLY)
                self._leftovers.of_killed(item.asset.asset_id, runs)
        return unfinished

    def arrive(self, stamp: FileStamp) -> None:
        """Find out what a file is and enter it."""
        run = self._run
        run.tally.current = stamp.text
        try:
            found = None
            with run.tools.originals.local(stamp.path) as path:
                if recognise(path) is not None:
                    self._pictures.expect()
                    found = run.stages.examine(stamp)
        except (MediaError, WorkerError) as error:
            run.check_stop()  # its worker may have been ended with the run
            run.tally.fail(stamp.text, run.arrivals.refuse(stamp, error), str(error))
            run.tally.file("refused")
            return
        if found is None:
            run.tally.file("ignored")
            return
        content_hash, facts = found
        self.take(run.arrivals.register(stamp, content_hash, facts))

    def take(self, item: Item) -> None:
        """Run the stages that are missing, unless somebody else is at it."""
        asset_id = item.asset.asset_id
        with self._run.lock:
            self.met[asset_id] = item
        if not self._held.take(asset_id):
            self.elsewhere.append(item)
            return
        self._pictures.expect()
        try:
            wants_picture = self._divide(item)
        except BaseException:
            self._held.release(item)
            raise
        if wants_picture:
            self._pictures.put(item)
        else:
            self._held.finish(item)

    def _divide(self, item: Item) -> bool:
        """The stage `scenes`, where missing. Whether the item goes on to `picture`."""
        run, asset_id = self._run, item.asset.asset_id
        ledger = run.ledger.runs_of([asset_id])[asset_id]
        missing = run.missing_stages(item, ledger)
        if SCENES not in missing:
            self._news.tell_failures(item, ledger, [SCENES])
            return PICTURE in missing
        run.tally.current = item.stamp.text
        try:
            attempt = run.ledger.begin([RunKey(asset_id=asset_id, stage=SCENES.name)], SCENES.version)[0]
        except NotFound:
            return False
        try:
            outcome = self._outcome_of(item, attempt)
            written = self._write(item, outcome)
        except StoreError:
            if run.stop.is_set() or run.arrivals.is_there(item):
                raise
            written = False  # it was removed, and the folder under the decoder's hands with it
        if not written:
            self._leftovers.after_defeat(attempt)
            return False
        if outcome.state == StageState.FAILED:
            self._leftovers.after_failure(attempt)
            return False
        self._leftovers.after_success(attempt)
        run.tally.add("scenes", outcome.row_count)
        return PICTURE in run.options.stages

    def _outcome_of(self, item: Item, attempt: Attempt) -> Outcome:
        run = self._run
        try:
            return run.stages.divide(item, attempt, lambda _: run.check_stop(), ahead=run.wants_pictures)
        except (MediaError, WorkerError) as error:
            run.check_stop()
            return failure(attempt, error)

    def _write(self, item: Item, outcome: Outcome) -> bool:
        self._run.check_stop()
        try:
            self._run.ledger.finish([outcome])
        except Superseded as error:
            log.info("%s", error)
            return False
        self._news.note(item, SCENES, outcome)
        return True
