"""One index run: walk, compare with the record, run what is missing, tell what happened.

The main thread walks and waits; `workers` threads take files through `examine` and `scenes`, each holding a
decoding process; one thread gathers what is ready for `picture` into groups. When all have come so far, the
later stages follow (later.py). Whatever stops a run, the next one goes on from the ledger.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from heimdex.entities import FileStamp, IndexReport, Refusal, StageRun, StageState
from heimdex.errors import (
    HeimdexError,
    MediaError,
    ModelError,
    NotFound,
    StoreError,
    Superseded,
    UsageError,
    WorkerError,
)
from heimdex.media.recognise import recognise
from heimdex.media.walk import walk
from heimdex.pipeline import models
from heimdex.pipeline.arrivals import Arrivals, Item, Sorted
from heimdex.pipeline.calibrating import calibrate_space
from heimdex.pipeline.flow import EARLY, FLOW, PICTURE, SCENES, TEXT, Stage
from heimdex.pipeline.later import Later, verbs_of
from heimdex.pipeline.ledger import Attempt, Ledger, Outcome, is_current
from heimdex.pipeline.leftovers import Leftovers
from heimdex.pipeline.stages import BATCH, Stages
from heimdex.pipeline.tally import OnProgress, Tally
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.wording import index_large_texts
from heimdex.store.runs import RunKey
from heimdex.store.vectors import StoredModel

log = logging.getLogger(__name__)

QUEUE_ITEMS = 256  # assets that may wait for vectors; keeps decoding from running far ahead
ELSEWHERE_POLL_S = 0.2
TICK_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexOptions:
    """What to run and how stubbornly."""

    stages: tuple[Stage, ...] = FLOW
    hidden: bool = False
    retry: bool = False  # failures of earlier runs too, whatever their attempts


def index(
    tools: Tools, options: IndexOptions, roots: Sequence[bytes], on_progress: OnProgress | None = None
) -> IndexReport:
    """One index run over the roots. Raises UsageError without roots, StoreError when it cannot write."""
    if not roots:
        raise UsageError("nothing to index: name folders or files")
    model: StoredModel = tools.database.run(tools.owner, lambda c: models.register(c, tools.model))
    report = IndexRun(tools, model, options, Tally(on_progress)).run(roots)
    models.index_large_spaces(tools, model)
    if TEXT in options.stages:
        index_large_texts(tools)
    calibrate_space(tools, model)
    return report


class IndexRun:
    """One run over some folders."""

    def __init__(self, tools: Tools, model: StoredModel, options: IndexOptions, tally: Tally) -> None:
        self.tools = tools
        self.model = model
        self.options = options
        self.tally = tally
        self.stages = Stages(tools, model)
        self.arrivals = Arrivals(tools)
        self._claims = tools.database.claims()
        self._ledger = Ledger(tools.database, tools.owner, self._claims)
        self._leftovers = Leftovers(tools, self._ledger)
        self._ready: queue.Queue[Item | None] = queue.Queue(QUEUE_ITEMS)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._in_hand: set[str] = set()
        self._ran: set[str] = set()
        self._broken: set[str] = set()
        self._elsewhere: list[Item] = []
        self._met: dict[str, Item] = {}  # what the later stages are for, by asset
        self._helpers: list[threading.Thread] = []
        self._fatal: BaseException | None = None
        self._warmer: threading.Thread | None = None

    def run(self, roots: Sequence[bytes]) -> IndexReport:
        """Index what lies below the roots."""
        try:
            self._ledger.attend()
            self.arrivals.sweep()
            stamps = self._walk(roots)
            self._work(self.arrivals.sort(stamps, retry=self.options.retry))
            self.stages.close()  # the memory its processes hold is wanted elsewhere
            self._follow()
            self.tally.add("missing", self.arrivals.mark_missing(roots, stamps))
        finally:
            self._stop.set()
            self.stages.close()
            self._claims.close()
        return self.tally.report()

    def _walk(self, roots: Sequence[bytes]) -> list[FileStamp]:
        stamps: list[FileStamp] = []
        for found in walk(roots, hidden=self.options.hidden):
            if isinstance(found, Refusal):
                self.tally.fail(found.path, found.stage, found.error)
            else:
                stamps.append(found)
        self.tally.total = len(stamps)
        return stamps

    # The threads

    def _work(self, files: Sorted) -> None:
        for file in files.refused:
            self.tally.fail(file.stamp.text, file.stage or "examine", file.error or "")
            self.tally.file("refused")
        unfinished = self._unfinished(files.unchanged)
        gatherer = threading.Thread(target=self._guard, args=(self._gather,), name="picture")
        gatherer.start()
        try:
            known = (partial(self._take, item) for item in unfinished)
            arriving = (partial(self._arrive, stamp) for stamp in files.arriving)
            self._share(chain(known, arriving))
            while self._elsewhere and not self._stop.is_set():
                time.sleep(ELSEWHERE_POLL_S)
                items, self._elsewhere = self._elsewhere, []
                self._share(partial(self._take, item) for item in items)
            self._put(None)
            while gatherer.is_alive() and not self._stop.is_set():
                gatherer.join(TICK_S)
                self.tally.tell()
        finally:
            # Also the way out of Ctrl-C: nothing waits for a decoder that is in the middle of a film.
            if self._fatal is not None or gatherer.is_alive():
                self._stop.set()
                self.stages.close()
            for helper in self._helpers:
                helper.join()
            self._wake(gatherer)
            self.stages.close()  # a model that is being loaded for nothing is not waited for
            if self._warmer is not None:
                self._warmer.join()
        if self._fatal is not None:
            raise self._fatal
        self.tally.tell()

    def _follow(self) -> None:
        """The later stages of everything met."""
        verbs = verbs_of(self.tools, self.options.stages)
        if not verbs:
            return
        later = Later(self._ledger, verbs, self, retry=self.options.retry)
        try:
            later.run(self._met.values())
        finally:
            later.close()

    def say(self, what: str) -> None:
        """A later stage's news: this is in hand."""
        self.tally.current = what
        self.tally.tell()

    def failed_before(self, item: Item, run: StageRun) -> None:
        """A later stage's news: it failed before and is not tried again."""
        self.tally.fail(item.stamp.text, run.stage, run.error or "")

    def ended(self, item: Item, stage: Stage, outcome: Outcome) -> None:
        """A later stage's news: it ran."""
        with self._lock:
            if item.arrival == "unchanged" and item.asset.asset_id not in self._ran:
                self.tally.turn("unchanged", "indexed")
            self._note(item, stage, outcome)

    def _share(self, pieces: Iterator[Callable[[], None]]) -> None:
        """Have `workers` threads do the pieces of work, taken one by one: there may be a million of them."""

        def help_out() -> None:
            while not self._stop.is_set():
                with self._lock:
                    piece = next(pieces, None)
                if piece is None:
                    return
                piece()

        self._helpers = [
            threading.Thread(target=self._guard, args=(help_out,), name=f"scenes-{number}")
            for number in range(self.tools.workers)
        ]
        for helper in self._helpers:
            helper.start()
        for helper in self._helpers:
            while helper.is_alive() and self._fatal is None:
                helper.join(TICK_S)
                self.tally.tell()

    def _guard(self, work: Callable[..., None], *args: Any) -> None:
        """Run a thread's work; what it cannot handle ends the run."""
        if self._stop.is_set():
            return
        try:
            work(*args)
        except BaseException as error:
            if not self._stop.is_set():
                log.debug("the run ends", exc_info=True)
                self._fatal = self._fatal or error
            self._stop.set()

    def _put(self, item: Item | None) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=TICK_S)
            except queue.Full:
                continue
            return

    def _wake(self, gatherer: threading.Thread) -> None:
        """Let the gatherer end: after a stop it may still wait for an item."""
        while gatherer.is_alive():
            try:
                self._ready.put(None, timeout=TICK_S)
            except queue.Full:
                with suppress(queue.Empty):
                    self._ready.get_nowait()
            gatherer.join(TICK_S)

    # One file

    def _unfinished(self, items: Sequence[Item]) -> list[Item]:
        """Unchanged files whose asset still lacks a stage; the others are counted and done with."""
        ledger = self._ledger.runs_of({item.asset.asset_id for item in items})
        unfinished = []
        for item in items:
            runs = ledger[item.asset.asset_id]
            self._met[item.asset.asset_id] = item
            if self._missing_stages(item, runs):
                unfinished.append(item)
            else:
                self.tally.file("unchanged")
                self._tell_failures(item, runs, EARLY)
                self._leftovers.of_killed(item.asset.asset_id, runs)
        return unfinished

    def _arrive(self, stamp: FileStamp) -> None:
        """Find out what a file is and enter it."""
        self.tally.current = stamp.text
        try:
            found = None
            if recognise(stamp.path) is not None:
                self._expect_pictures()
                found = self.stages.examine(stamp)
        except (MediaError, WorkerError) as error:
            self._check_stop()  # its worker may have been ended with the run
            self.tally.fail(stamp.text, self.arrivals.refuse(stamp, error), str(error))
            self.tally.file("refused")
            return
        if found is None:
            self.tally.file("ignored")
            return
        content_hash, facts = found
        self._take(self.arrivals.register(stamp, content_hash, facts))

    def _take(self, item: Item) -> None:
        """Run the stages that are missing, unless somebody else is at it."""
        asset_id = item.asset.asset_id
        with self._lock:
            busy = asset_id in self._in_hand
            self._in_hand.add(asset_id)
            self._met[asset_id] = item
        if busy:
            self._elsewhere.append(item)
            return
        if not self._ledger.claim(asset_id):
            with self._lock:
                self._in_hand.discard(asset_id)
            self._elsewhere.append(item)
            return
        self._expect_pictures()
        try:
            wants_picture = self._divide(item)
        except BaseException:
            self._release(item)
            raise
        if wants_picture:
            self._put(item)
        else:
            self._finish(item)

    def _divide(self, item: Item) -> bool:
        """The stage `scenes`, where missing. Whether the item goes on to `picture`."""
        asset_id = item.asset.asset_id
        ledger = self._ledger.runs_of([asset_id])[asset_id]
        missing = self._missing_stages(item, ledger)
        if SCENES not in missing:
            self._tell_failures(item, ledger, [SCENES])
            return PICTURE in missing
        self.tally.current = item.stamp.text
        try:
            attempt = self._ledger.begin([RunKey(asset_id=asset_id, stage=SCENES.name)], SCENES.version)[0]
        except NotFound:
            return False
        try:
            outcome = self._outcome_of(item, attempt)
            written = self._write(item, SCENES, outcome)
        except StoreError:
            if self._stop.is_set() or self.arrivals.is_there(item):
                raise
            written = False  # it was removed, and the folder under the decoder's hands with it
        if not written:
            self._leftovers.after_defeat(attempt)
            return False
        if outcome.state == StageState.FAILED:
            self._leftovers.after_failure(attempt)
            return False
        self._leftovers.after_success(attempt)
        self.tally.add("scenes", outcome.row_count)
        return PICTURE in self.options.stages

    def _outcome_of(self, item: Item, attempt: Attempt) -> Outcome:
        try:
            return self.stages.divide(item, attempt, lambda _: self._check_stop(), ahead=self._wants_pictures)
        except (MediaError, WorkerError) as error:
            self._check_stop()
            return _failure(attempt, error)

    def _write(self, item: Item, stage: Stage, outcome: Outcome) -> bool:
        self._check_stop()
        try:
            self._ledger.finish([outcome])
        except Superseded as error:
            log.info("%s", error)
            return False
        self._note(item, stage, outcome)
        return True

    def _finish(self, item: Item) -> None:
        self._release(item)
        asset_id = item.asset.asset_id
        if item.arrival in ("moved", "duplicate"):
            what = "moved" if item.arrival == "moved" else "duplicates"
        elif asset_id in self._ran:
            what = "indexed"
        elif item.arrival == "new" and asset_id in self._broken:
            what = "refused"
        else:
            what = "unchanged"  # a new one too, when another process did the work
        self.tally.file(what)

    @property
    def _wants_pictures(self) -> bool:
        return PICTURE in self.options.stages and self.tools.pictures

    def _release(self, item: Item) -> None:
        self.stages.forget(item.asset.asset_id)
        self._ledger.release(item.asset.asset_id)
        with self._lock:
            self._in_hand.discard(item.asset.asset_id)

    # Vectors, in groups

    def _expect_pictures(self) -> None:
        """Load the model while the first file is looked at: two things that take one core each."""
        with self._lock:
            if self._wants_pictures and self._warmer is None and not self._stop.is_set():
                self._warmer = threading.Thread(target=self.stages.expect_pictures, name="warm")
                self._warmer.start()

    def _gather(self) -> None:
        """Take what is ready for `picture` in groups, until there is no more."""
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
            if group and not self._stop.is_set():
                self._picture(group)

    def _picture(self, group: Sequence[Item]) -> None:
        begun = self._begin_picture(group)
        here, attempts = [item for item, _ in begun], [attempt for _, attempt in begun]
        try:
            outcomes = self.stages.picture(begun)
        except (ModelError, WorkerError) as error:
            outcomes = [_failure(attempt, error) for attempt in attempts]
        self._check_stop()
        written = {outcome.attempt.key.asset_id for outcome in self._ledger.finish_each(outcomes)}
        for item, outcome in zip(here, outcomes, strict=True):
            if item.asset.asset_id in written:
                self._note(item, PICTURE, outcome)
        for item in group:
            self._finish(item)

    def _begin_picture(self, group: Sequence[Item]) -> list[tuple[Item, Attempt]]:
        """Take the stage over for those of the group that were not removed meanwhile."""
        model_id = self.model.model_id
        while True:
            here = [item for item in group if self.arrivals.is_there(item)]
            keys = [RunKey(asset_id=i.asset.asset_id, stage=PICTURE.name, model_id=model_id) for i in here]
            with suppress(NotFound):  # removed between the two questions
                return list(zip(here, self._ledger.begin(keys, PICTURE.version), strict=True))

    # What is missing, what failed

    def _missing_stages(self, item: Item, ledger: Iterable[StageRun]) -> list[Stage]:
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

    def _note(self, item: Item, stage: Stage, outcome: Outcome) -> None:
        if outcome.state == StageState.FAILED:
            self._broken.add(item.asset.asset_id)
            self.tally.fail(item.stamp.text, stage.name, outcome.error or "")
        else:
            self._ran.add(item.asset.asset_id)

    def _tell_failures(self, item: Item, ledger: Iterable[StageRun], among: Sequence[Stage]) -> None:
        names = {stage.name for stage in among}
        for run in ledger:
            ours = run.stage in names and run.model_id in (0, self.model.model_id)
            if ours and run.state == StageState.FAILED:
                self.tally.fail(item.stamp.text, run.stage, run.error or "")

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise StoreError("the run was stopped; `heimdex index` goes on where it was")


def _failure(attempt: Attempt, error: HeimdexError) -> Outcome:
    return Outcome(attempt=attempt, state=StageState.FAILED, error=str(error))
