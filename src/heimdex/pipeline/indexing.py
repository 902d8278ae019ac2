"""One index run: walk, compare with the record, run what is missing, tell what happened.

The main thread walks and waits; `workers` threads take files through `examine` and `scenes`, each holding a
decoding process (dividing.py); one thread gathers what is ready for `picture` into groups (picturing.py).
When all have come so far, the later stages follow (later.py). Whatever stops a run, the next one goes on from
the ledger.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain

from heimdex.entities import FileStamp, IndexReport, Refusal
from heimdex.entities.objects import is_object, shown_path
from heimdex.errors import UsageError
from heimdex.media.walk import walk
from heimdex.pipeline import models
from heimdex.pipeline.arrivals import Arrivals, Sorted
from heimdex.pipeline.calibrating import calibrate_space
from heimdex.pipeline.crew import Crew
from heimdex.pipeline.dividing import Dividing
from heimdex.pipeline.flow import TEXT
from heimdex.pipeline.held import Held
from heimdex.pipeline.later import Later, verbs_of
from heimdex.pipeline.ledger import Ledger
from heimdex.pipeline.news import News
from heimdex.pipeline.originals import GONE
from heimdex.pipeline.picturing import Picturing
from heimdex.pipeline.run_context import TICK_S, IndexOptions, RunContext
from heimdex.pipeline.stages import Stages
from heimdex.pipeline.tally import OnProgress, Tally
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.wording import index_large_texts
from heimdex.store.vectors import StoredModel

__all__ = ["IndexOptions", "IndexRun", "index"]

ELSEWHERE_POLL_S = 0.2


def index(
    tools: Tools,
    options: IndexOptions,
    roots: Sequence[bytes],
    on_progress: OnProgress | None = None,
    *,
    halt: threading.Event | None = None,
) -> IndexReport:
    """One index run over the roots. Raises UsageError without roots, StoreError when it cannot write.

    Once `halt` is set it ends as Ctrl-C ends it, and raises Stopped. `on_progress` may raise as well.
    """
    if not roots:
        raise UsageError("nothing to index: name folders or files")
    model = models.take_up(tools)
    report = IndexRun(tools, model, options, Tally(on_progress), halt, roots).run(roots)
    if not options.is_part:
        finish_library(tools, model, options)
    return report


def finish_library(tools: Tools, model: StoredModel, options: IndexOptions) -> None:
    """What concerns the whole library, when the files of a run are done."""
    models.index_large_spaces(tools, model)
    if TEXT in options.stages:
        index_large_texts(tools)
    calibrate_space(tools, model)


class IndexRun:
    """One run over some folders."""

    def __init__(
        self,
        tools: Tools,
        model: StoredModel,
        options: IndexOptions,
        tally: Tally,
        halt: threading.Event | None = None,
        roots: Sequence[bytes] = (),
    ) -> None:
        self._claims = tools.database.claims()
        self._run = run = RunContext(
            tools=tools,
            model=model,
            options=options,
            tally=tally,
            stages=Stages(tools, model),
            arrivals=Arrivals(tools, roots if options.is_part else None),
            ledger=Ledger(tools.database, tools.owner, self._claims),
            halt=halt or threading.Event(),
        )
        self._news = News(run)
        held = Held(run, self._news)
        self._pictures = Picturing(run, self._news, held)
        self._files = Dividing(run, self._news, held, self._pictures)
        self._crew = Crew(run)

    def run(self, roots: Sequence[bytes]) -> IndexReport:
        """Index what lies below the roots."""
        run = self._run
        try:
            run.ledger.attend()
            if not run.options.is_part:
                run.arrivals.sweep()
            stamps = self._walk(roots)
            self._work(run.arrivals.sort(stamps, retry=run.options.retry))
            run.stages.close()  # the memory its processes hold is wanted elsewhere
            self._follow()
            run.tally.add("missing", run.arrivals.mark_missing(roots, stamps))
        finally:
            run.stop.set()
            run.stages.close()
            self._claims.close()
        return run.tally.report()

    def _walk(self, roots: Sequence[bytes]) -> list[FileStamp]:
        tally = self._run.tally
        stamps: list[FileStamp] = []
        for found in self._met(roots):
            self._run.check_halt()
            if isinstance(found, Refusal):
                tally.fail(found.path, found.stage, found.error)
            else:
                stamps.append(found)
        tally.total = len(stamps)
        return stamps

    def _met(self, roots: Sequence[bytes]) -> Iterator[FileStamp | Refusal]:
        """What lies below folders, and uploads that are named by themselves."""
        uploads = list(dict.fromkeys(root for root in roots if is_object(root)))
        for upload in uploads:
            stamp = self._run.tools.originals.stamp(upload)
            yield stamp or Refusal(path=shown_path(upload), stage="walk", error=GONE)
        yield from walk([root for root in roots if not is_object(root)], hidden=self._run.options.hidden)

    def _work(self, files: Sorted) -> None:
        """The first stages of every file."""
        run, crew = self._run, self._crew
        for file in files.refused:
            run.tally.fail(file.stamp.text, file.stage or "examine", file.error or "")
            run.tally.file("refused")
        unfinished = self._files.unfinished(files.unchanged)
        gatherer = threading.Thread(target=crew.guard, args=(self._pictures.gather,), name="picture")
        gatherer.start()
        try:
            known = (partial(self._files.take, item) for item in unfinished)
            arriving = (partial(self._files.arrive, stamp) for stamp in files.arriving)
            crew.share(chain(known, arriving))
            while self._files.elsewhere and not run.stop.is_set():
                time.sleep(ELSEWHERE_POLL_S)
                run.check_halt()
                items, self._files.elsewhere = self._files.elsewhere, []
                crew.share(partial(self._files.take, item) for item in items)
            self._pictures.put(None)
            while gatherer.is_alive() and not run.stop.is_set():
                gatherer.join(TICK_S)
                run.tally.tell()
                run.check_halt()
        finally:
            self._end(gatherer)
        if crew.fatal is not None:
            raise crew.fatal
        run.tally.tell()

    def _end(self, gatherer: threading.Thread) -> None:
        """The threads end. Also the way out of Ctrl-C: nothing waits for a decoder amid a film."""
        run = self._run
        if self._crew.fatal is not None or gatherer.is_alive():
            run.stop.set()
            run.stages.close()
        self._crew.join()
        self._pictures.wake(gatherer)
        run.stages.close()  # a model that is being loaded for nothing is not waited for
        self._pictures.join()

    def _follow(self) -> None:
        """The later stages of everything met."""
        run = self._run
        verbs = verbs_of(run.tools, run.options.stages)
        if not verbs:
            return
        later = Later(run.ledger, verbs, self._news, retry=run.options.retry, halt=run.halt)
        try:
            later.run(self._files.met.values())
            for verb in verbs:
                wanting = verb.wants()
                if wanting is not None:
                    run.tally.want(verb.stage.name, wanting)
        finally:
            later.close()
