"""One index run: walk, compare with the record, run what is missing, tell what happened.

The main thread walks and waits; `workers` threads take files through `examine` and `scenes`, each holding a
decoding process; one thread gathers what is ready for `picture` into groups. Whatever stops a run, the next
one goes on from the ledger.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from heimdex.entities import (
    Asset,
    Facts,
    FileStamp,
    IndexReport,
    KnownFile,
    Progress,
    Refusal,
    StageRun,
    StageState,
)
from heimdex.errors import (
    HeimdexError,
    MediaError,
    ModelError,
    NotFound,
    StoreError,
    Superseded,
    UnreadableFile,
    UsageError,
    WorkerError,
)
from heimdex.media.recognise import recognise
from heimdex.media.walk import walk
from heimdex.pipeline import models
from heimdex.pipeline.flow import FLOW, PICTURE, SCENES, Stage
from heimdex.pipeline.ledger import Attempt, Ledger, Outcome, is_current
from heimdex.pipeline.stages import BATCH, Item, Stages
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, nearest, vectors
from heimdex.store.runs import RunKey
from heimdex.store.vectors import StoredModel

log = logging.getLogger(__name__)

QUEUE_ITEMS = 256  # assets that may wait for vectors; keeps decoding from running far ahead
ELSEWHERE_POLL_S = 0.2
TICK_S = 0.1

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexOptions:
    """What to run and how stubbornly."""

    stages: tuple[Stage, ...] = FLOW
    hidden: bool = False
    retry: bool = False  # failures of earlier runs too, whatever their attempts


class IndexRun:
    """One run over some folders."""

    def __init__(
        self,
        tools: Tools,
        model: StoredModel,
        options: IndexOptions,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.tools = tools
        self.model = model
        self.options = options
        self.stages = Stages(tools, model)
        self._on_progress = on_progress
        self._claims = tools.database.claims()
        self._ledger = Ledger(tools.database, tools.owner, self._claims)
        self._ready: queue.Queue[Item | None] = queue.Queue(QUEUE_ITEMS)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._counts: Counter[str] = Counter()
        self._failed: list[Refusal] = []
        self._in_hand: set[str] = set()
        self._ran: set[str] = set()
        self._elsewhere: list[Item] = []
        self._fatal: BaseException | None = None
        self._total = 0
        self._began_s = time.monotonic()
        self._current = ""

    def run(self, roots: Sequence[bytes]) -> IndexReport:
        """Index what lies below the roots. Raises StoreError when nothing more can be written."""
        try:
            known = self._run(lambda c: assets.known_files(c, self.tools.owner))
            self._sweep()
            stamps = self._walk(roots, known)
            self._work(stamps, known)
            self._mark_missing(roots, stamps, known)
        finally:
            self._stop.set()
            self.stages.close()
            self._claims.close()
        return self._report()

    # ── the walk ──

    def _walk(self, roots: Sequence[bytes], known: dict[bytes, KnownFile]) -> list[FileStamp]:
        stamps: list[FileStamp] = []
        for found in walk(roots, hidden=self.options.hidden):
            if isinstance(found, Refusal):
                self._fail(found.path, found.stage, found.error)
            else:
                stamps.append(found)
        self._total = len(stamps)
        return stamps

    def _mark_missing(
        self, roots: Sequence[bytes], stamps: Sequence[FileStamp], known: dict[bytes, KnownFile]
    ) -> None:
        seen = {stamp.path for stamp in stamps}
        below = [os.path.abspath(root) for root in roots]
        gone = [
            file
            for path, file in known.items()
            if path not in seen
            and file.state != "missing"
            and any(path == root or path.startswith(root.rstrip(b"/") + b"/") for root in below)
            and not os.path.lexists(path)
        ]
        lost = [file for file in gone if file.asset_id is not None]
        owner = self.tools.owner

        def write(connection: Any) -> None:
            ids = sorted({file.asset_id for file in lost if file.asset_id is not None})
            still = assets.known_files(connection, owner)
            paths = [file.stamp.path for file in lost if file.stamp.path in still]
            assets.mark_missing(connection, owner, paths, ids)
            assets.forget(connection, owner, [f.stamp.path for f in gone if f.asset_id is None])
            self._counts["missing"] = len(paths)

        if gone:
            self._run(write)

    # ── the work ──

    def _work(self, stamps: Sequence[FileStamp], known: dict[bytes, KnownFile]) -> None:
        rest, back = self._skip_unchanged(stamps, known)
        if back:
            self._run(
                lambda c: assets.mark_present(
                    c,
                    self.tools.owner,
                    [f.stamp.path for f in back],
                    [f.asset_id for f in back if f.asset_id],
                )
            )
        gatherer = threading.Thread(target=self._guard, args=(self._gather,), name="picture")
        gatherer.start()
        pool = ThreadPoolExecutor(self.tools.workers, thread_name_prefix="scenes")
        try:
            futures = [pool.submit(self._guard, work, *args) for work, *args in rest]
            self._watch(futures)
            while self._elsewhere and not self._stop.is_set():
                time.sleep(ELSEWHERE_POLL_S)
                items, self._elsewhere = self._elsewhere, []
                self._watch([pool.submit(self._guard, self._take, item) for item in items])
            self._put(None)
            while gatherer.is_alive():
                gatherer.join(TICK_S)
                self._tell()
        finally:
            # Also the way out of Ctrl-C: nothing waits for a decoder that is in the middle of a film.
            if not self._finished(gatherer):
                self._stop.set()
                self.stages.close()
            pool.shutdown(wait=True, cancel_futures=True)
            gatherer.join()
        if self._fatal is not None:
            raise self._fatal
        self._tell(last=True)

    def _finished(self, gatherer: threading.Thread) -> bool:
        return self._fatal is None and not gatherer.is_alive()

    def _watch(self, futures: list[Future[None]]) -> None:
        pending = set(futures)
        while pending and self._fatal is None:
            _, pending = wait(pending, timeout=TICK_S)
            self._tell()

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

    def _skip_unchanged(
        self, stamps: Sequence[FileStamp], known: dict[bytes, KnownFile]
    ) -> tuple[list[tuple[Any, ...]], list[KnownFile]]:
        """The work that is left, and the files that came back unchanged."""
        same: list[tuple[FileStamp, KnownFile]] = []
        rest: list[tuple[Any, ...]] = []
        for stamp in stamps:
            file = known.get(stamp.path)
            if file is None or file.stamp != stamp:
                rest.append((self._arrive, stamp))
            elif file.asset_id is not None:
                same.append((stamp, file))
            elif self.options.retry or file.stage == "read" or file.error is None:
                rest.append((self._arrive, stamp))
            else:
                self._fail(stamp.text, file.stage or "examine", file.error)
        ids = sorted({file.asset_id for _, file in same if file.asset_id is not None})
        by_id = {
            asset.asset_id: asset
            for asset in self._run(lambda c: assets.get_assets(c, self.tools.owner, ids))
        }
        ledger = self._ledger.runs_of(ids)
        for stamp, file in same:
            asset = by_id.get(file.asset_id or "")
            if asset is None:
                rest.append((self._arrive, stamp))
                continue
            item = Item(asset=asset, stamp=stamp, arrival="unchanged")
            if self._missing_stages(item, ledger[asset.asset_id]):
                rest.append((self._take, item))
            else:
                self._count("unchanged")
                self._tell_failures(item, ledger[asset.asset_id])
        return rest, [file for _, file in same if file.state == "missing"]

    def _arrive(self, stamp: FileStamp) -> None:
        """Find out what a file is and enter it."""
        self._current = stamp.text
        try:
            if recognise(stamp.path) is None:
                self._count("ignored")
                return
            found = self.stages.examine(stamp)
        except (MediaError, WorkerError) as error:
            self._refuse(stamp, error)
            return
        if found is None:
            self._count("ignored")
            return
        self._take(self._register(stamp, *found))

    def _refuse(self, stamp: FileStamp, error: HeimdexError) -> None:
        if self._stop.is_set():
            return  # its worker was ended with the run
        stage = "read" if isinstance(error, UnreadableFile) else "examine"
        owner = self.tools.owner
        dropped = self._run(lambda c: assets.refuse(c, owner, stamp, stage=stage, error=str(error)))
        self._forget_files_of(dropped)
        self._fail(stamp.text, stage, str(error))
        self._count("refused")

    def _register(self, stamp: FileStamp, content_hash: str, facts: Facts) -> Item:
        owner = self.tools.owner

        def write(connection: Any) -> tuple[Asset, str, Sequence[str]]:
            before = assets.find_by_hash(connection, owner, content_hash)
            paths = [] if before is None else assets.paths_of(connection, owner, before)
            gone = [
                p.path_bytes
                for p in paths
                if p.path_bytes != stamp.path and not os.path.lexists(p.path_bytes)
            ]
            entered = assets.register(connection, owner, stamp, content_hash, facts, gone)
            asset = assets.get_assets(connection, owner, [entered.asset_id])[0]
            return asset, entered.arrival, entered.dropped

        asset, arrival, dropped = self._run(write)
        self._forget_files_of(dropped)
        return Item(asset=asset, stamp=stamp, arrival=arrival)

    def _take(self, item: Item) -> None:
        """Run the stages that are missing, unless somebody else is at it."""
        asset_id = item.asset.asset_id
        with self._lock:
            busy = asset_id in self._in_hand
            if not busy:
                self._in_hand.add(asset_id)
        if busy or not self._ledger.claim(asset_id):
            if not busy:
                self._in_hand.discard(asset_id)
            self._elsewhere.append(item)
            return
        try:
            passed_on = self._divide(item)
        except BaseException:
            self._release(item)
            raise
        if passed_on:
            self._put(item)
        else:
            self._finish(item)

    def _divide(self, item: Item) -> bool:
        """The stage `scenes`, where missing. Whether the item may go on to `picture`."""
        ledger = self._ledger.runs_of([item.asset.asset_id])[item.asset.asset_id]
        missing = self._missing_stages(item, ledger)
        if SCENES not in missing:
            self._tell_failures(item, ledger, among=[SCENES])
            return PICTURE in missing
        self._current = item.stamp.text
        try:
            attempt = self._ledger.begin(
                [RunKey(asset_id=item.asset.asset_id, stage=SCENES.name)], SCENES.version
            )[0]
        except NotFound:
            return False
        outcome = self._outcome_of(
            lambda: self.stages.divide(item, attempt, lambda _: self._check_stop()), attempt
        )
        if not self._written(item, SCENES, outcome):
            return False
        self.tools.derived.keep_only(item.asset.asset_id, attempt.number)
        if outcome.state == StageState.FAILED:
            return False
        with self._lock:
            self._counts["scenes"] += outcome.row_count
        return PICTURE in self.options.stages

    def _gather(self) -> None:
        """Take what is ready for `picture` in groups and give each its vectors."""
        while True:
            item = self._ready.get()
            if item is None:
                return
            group = [item]
            while len(group) < BATCH:
                try:
                    following = self._ready.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._picture(group)
                    return
                group.append(following)
            self._picture(group)

    def _picture(self, group: list[Item]) -> None:
        if self._stop.is_set():
            return
        group = [item for item in group if self._still_there(item)]
        keys = [
            RunKey(asset_id=i.asset.asset_id, stage=PICTURE.name, model_id=self.model.model_id) for i in group
        ]
        attempts = self._ledger.begin(keys, PICTURE.version)
        try:
            outcomes = self.stages.picture(list(zip(group, attempts, strict=True)))
        except (ModelError, WorkerError) as error:
            self._check_stop()
            outcomes = [_failure(attempt, error) for attempt in attempts]
        self._check_stop()
        written = {outcome.attempt.key.asset_id for outcome in self._ledger.finish_each(outcomes)}
        for item, outcome in zip(group, outcomes, strict=True):
            if item.asset.asset_id in written:
                self._note(item, PICTURE, outcome)
            self._finish(item)

    # ── one item ──

    def _outcome_of(self, work: Callable[[], Outcome], attempt: Attempt) -> Outcome:
        try:
            return work()
        except (MediaError, ModelError, WorkerError) as error:
            self._check_stop()
            return _failure(attempt, error)

    def _written(self, item: Item, stage: Stage, outcome: Outcome) -> bool:
        self._check_stop()
        try:
            self._ledger.finish([outcome])
        except Superseded as error:
            log.info("%s", error)
            return False
        self._note(item, stage, outcome)
        return True

    def _note(self, item: Item, stage: Stage, outcome: Outcome) -> None:
        if outcome.state == StageState.FAILED:
            self._fail(item.stamp.text, stage.name, outcome.error or "")
        else:
            self._ran.add(item.asset.asset_id)

    def _finish(self, item: Item) -> None:
        self._release(item)
        ran = item.asset.asset_id in self._ran and item.arrival in ("new", "unchanged")
        arrival = {"new": "refused", "moved": "moved", "duplicate": "duplicates", "unchanged": "unchanged"}
        self._count("indexed" if ran else arrival[item.arrival])

    def _release(self, item: Item) -> None:
        self._ledger.release(item.asset.asset_id)
        with self._lock:
            self._in_hand.discard(item.asset.asset_id)

    def _still_there(self, item: Item) -> bool:
        owner, asset_id = self.tools.owner, item.asset.asset_id
        if self._run(lambda c: assets.get_assets(c, owner, [asset_id])):
            return True
        self._finish(item)
        return False

    def _missing_stages(self, item: Item, ledger: Iterable[StageRun]) -> list[Stage]:
        entries = {(run.stage, run.model_id): run for run in ledger}
        missing: list[Stage] = []
        for stage in self.options.stages:
            run = entries.get((stage.name, self.model.model_id if stage.per_model else 0))
            if self.options.retry and run is not None and run.state == StageState.FAILED:
                run = None
            if not is_current(run, stage.version, item.asset):
                missing.append(stage)
        scenes = entries.get((SCENES.name, 0))
        if SCENES not in missing and (scenes is None or scenes.state == StageState.FAILED):
            return []  # nothing for later stages to rest on
        return missing

    def _tell_failures(self, item: Item, ledger: Iterable[StageRun], among: Sequence[Stage] = FLOW) -> None:
        names = {stage.name for stage in among}
        for run in ledger:
            ours = run.stage in names and run.model_id in (0, self.model.model_id)
            if ours and run.state == StageState.FAILED:
                self._fail(item.stamp.text, run.stage, run.error or "")

    # ── small things ──

    def _run(self, work: Callable[[Any], Any]) -> Any:
        return self.tools.database.run(self.tools.owner, work)

    def _put(self, item: Item | None) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=TICK_S)
            except queue.Full:
                continue
            return
        # The run is ending: the gatherer only has to wake up.
        try:
            self._ready.put_nowait(None)
        except queue.Full:
            self._ready.get_nowait()
            self._ready.put_nowait(None)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise StoreError("the run was stopped; `heimdex index` goes on where it was")

    def _sweep(self) -> None:
        """Remove derived files of assets that are gone (a process killed while it removed them)."""
        # Folders first: whatever has one now had its row before. The other order would race a new asset.
        folders = [asset_id for asset_id, _ in self.tools.derived.assets()]
        known = self._run(lambda c: assets.list_ids(c, self.tools.owner))
        for asset_id in folders:
            if asset_id not in known:
                self.tools.derived.remove_asset(asset_id)

    def _forget_files_of(self, asset_ids: Sequence[str]) -> None:
        for asset_id in asset_ids:
            self.tools.derived.remove_asset(asset_id)

    def _fail(self, path: str, stage: str, error: str) -> None:
        with self._lock:
            self._failed.append(Refusal(path=path, stage=stage, error=error))

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1
            self._counts["files"] += 1

    def _tell(self, *, last: bool = False) -> None:
        if self._on_progress is None:
            return
        with self._lock:
            progress = Progress(
                files_total=self._total,
                files_done=self._counts["files"],
                scenes=self._counts["scenes"],
                failed=len(self._failed),
                seconds=time.monotonic() - self._began_s,
                current=self._current,
            )
        self._on_progress(replace(progress, files_done=self._total) if last else progress)

    def _report(self) -> IndexReport:
        counts = self._counts
        return IndexReport(
            indexed=counts["indexed"],
            unchanged=counts["unchanged"],
            moved=counts["moved"],
            missing=counts["missing"],
            duplicates=counts["duplicates"],
            failed=tuple(sorted(self._failed, key=lambda refusal: refusal.path)),
            scenes=counts["scenes"],
            seconds=round(time.monotonic() - self._began_s, 3),
        )


def _failure(attempt: Attempt, error: HeimdexError) -> Outcome:
    return Outcome(attempt=attempt, state=StageState.FAILED, error=str(error))


def index(
    tools: Tools, options: IndexOptions, roots: Sequence[bytes], on_progress: OnProgress | None = None
) -> IndexReport:
    """One index run over the roots. Raises UsageError without roots, StoreError when it cannot write."""
    if not roots:
        raise UsageError("nothing to index: name folders or files")
    model: StoredModel = tools.database.run(tools.owner, lambda c: models.register(c, tools.model))
    report = IndexRun(tools, model, options, on_progress).run(roots)
    _index_large_spaces(tools, model)
    return report


def _index_large_spaces(tools: Tools, model: StoredModel) -> None:
    """A space that outgrew the exact scan gets its HNSW index."""

    def build(connection: Any) -> None:
        for stored in model.spaces:
            if vectors.rows_at_least(connection, tools.owner, stored.space_id, nearest.EXACT_ROWS):
                vectors.build_index(connection, stored.space_id)

    tools.database.run(tools.owner, build)
