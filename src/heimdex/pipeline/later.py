"""The stages that follow once every file can be searched by what is seen: a generic runner of their verbs.

Assets are taken in small groups. Within a group the stages that read the asset itself run side by side, each
in a thread of its own; then those that rest on their rows. Outcomes are entered as the ledger demands: rows
and entry in one transaction, under the attempt's fencing token.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import Any, Protocol

from psycopg import Connection

from heimdex.entities import StageRun, StageState
from heimdex.errors import MediaError, ModelError, NotFound, Stopped, StoreError, WorkerError
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import LATER, SCENES, Stage, after
from heimdex.pipeline.ledger import Attempt, Ledger, Outcome, is_current
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.verb import Verb
from heimdex.store import runs
from heimdex.store.runs import RunKey

log = logging.getLogger(__name__)

GROUP = 32  # assets
GROUP_US = 300_000_000  # of film and sound: what was heard is to be searchable before hours have been heard
FLUSH_S = 1.0
TICK_S = 0.1
ELSEWHERE_POLL_S = 0.2

VERBS = {  # imported when they run: a search needs none of them
    "speech": "heimdex.pipeline.listening:SpeechVerb",
    "writing": "heimdex.pipeline.reading:WritingVerb",
    "description": "heimdex.pipeline.describing:DescriptionVerb",
    "text": "heimdex.pipeline.wording:TextVerb",
}


class Listener(Protocol):
    """Who is told how the run goes. Called from several threads."""

    def say(self, what: str) -> None:
        """What is in hand."""

    def ended(self, item: Item, stage: Stage, outcome: Outcome) -> None:
        """A stage ran."""

    def failed_before(self, item: Item, run: StageRun) -> None:
        """A stage failed in an earlier run and is not tried again."""


def verbs_of(tools: Tools, stages: Iterable[Stage]) -> list[Verb]:
    """The verbs of those of the stages that are later ones, in the flow's order."""
    found = []
    wanted = {stage.name for stage in stages}
    for stage in LATER:
        if stage.name in wanted:
            module, _, name = VERBS[stage.name].partition(":")
            found.append(getattr(importlib.import_module(module), name)(tools))
    return found


class Later:
    """One run of the later stages."""

    def __init__(
        self,
        ledger: Ledger,
        verbs: Sequence[Verb],
        listener: Listener,
        *,
        retry: bool,
        halt: threading.Event | None = None,
    ) -> None:
        self.verbs = verbs
        self._ledger = ledger
        self._listener = listener
        self._retry = retry
        self._halt = halt or threading.Event()
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(max(1, len(verbs)), thread_name_prefix="later")

    def run(self, items: Iterable[Item]) -> None:
        """Run what is missing. Raises StoreError, Stopped; what fails for one asset is entered and told."""
        elsewhere: list[Item] = []
        for group in _groups(items):
            _check(self._halt)
            elsewhere += self._take(group)
        while elsewhere:
            time.sleep(ELSEWHERE_POLL_S)
            _check(self._halt)
            elsewhere = self._take(elsewhere)

    def close(self) -> None:
        """End it, in the middle of things too; what was not entered is done again by the next run."""
        self._stop.set()
        for verb in self.verbs:
            verb.close()
        self._threads.shutdown(cancel_futures=True)

    def _take(self, group: Sequence[Item]) -> list[Item]:
        """Work on a group. Returns those that another process has in hand."""
        ledger = self._ledger.runs_of([item.asset.asset_id for item in group])
        due = []
        for item in group:
            entries = ledger[item.asset.asset_id]
            missing = self._missing(item, entries)
            if missing:
                due.append(item)
            self._tell_failures(item, entries, missing)
        held = [item for item in due if self._ledger.claim(item.asset.asset_id)]
        try:
            # Those that rest on rows of others run in a second round, when these have been written.
            first = {verb.stage.name for verb in self.verbs if not _rests_on_any(verb, self.verbs)}
            self._round(held, [verb for verb in self.verbs if verb.stage.name in first])
            self._round(held, [verb for verb in self.verbs if verb.stage.name not in first])
        finally:
            for item in held:
                self._ledger.release(item.asset.asset_id)
        return [item for item in due if item not in held]

    def _round(self, items: Sequence[Item], verbs: Sequence[Verb]) -> None:
        ledger = self._ledger.runs_of([item.asset.asset_id for item in items])
        work: list[Future[None]] = []
        for verb in verbs:
            due = [item for item in items if verb in self._missing(item, ledger[item.asset.asset_id])]
            if due:
                work.append(self._threads.submit(self._run_verb, verb, due))
        for future in work:
            _result(future, self._halt)

    def _run_verb(self, verb: Verb, items: Sequence[Item]) -> None:
        """One stage of some assets; outcomes are written together while they come quickly."""
        off = verb.off()
        begun: list[tuple[Item, Outcome]] = []
        since_s = time.monotonic()
        for item, attempt in self._begin(verb, items):
            self._check_stop()
            if off is not None:
                outcome = Outcome(attempt=attempt, state=StageState.SKIPPED)
            else:
                outcome = self._outcome(verb, item, attempt)
            begun.append((item, outcome))
            if time.monotonic() - since_s > FLUSH_S:
                self._write(verb, begun)
                begun, since_s = [], time.monotonic()
        self._write(verb, begun)

    def _begin(self, verb: Verb, items: Sequence[Item]) -> Iterator[tuple[Item, Attempt]]:
        for item in items:
            if verb.waits() is not None:
                return
            key = RunKey(asset_id=item.asset.asset_id, stage=verb.stage.name, model_id=verb.model_id)
            try:
                attempt = self._ledger.begin([key], verb.stage.version)[0]
            except NotFound:  # removed meanwhile
                continue
            yield item, attempt

    def _outcome(self, verb: Verb, item: Item, attempt: Attempt) -> Outcome:
        settled = verb.settles(item)
        if settled is not None:
            return Outcome(attempt=attempt, state=settled)
        self._listener.say(f"{verb.stage.name}: {item.stamp.text}")
        try:
            return verb.work(item, attempt, lambda _: self._check_stop())
        except (MediaError, WorkerError, ModelError) as error:
            self._check_stop()  # its worker may have been ended with the run
            return Outcome(attempt=attempt, state=StageState.FAILED, error=str(error))

    def _write(self, verb: Verb, outcomes: Sequence[tuple[Item, Outcome]]) -> None:
        self._check_stop()
        if not outcomes:
            return
        whole = [self._with_followers(verb, outcome) for _, outcome in outcomes]
        written = {outcome.attempt for outcome in self._ledger.finish_each(whole)}
        for item, outcome in outcomes:
            if outcome.attempt in written and outcome.state != StageState.SKIPPED:
                self._listener.ended(item, verb.stage, outcome)

    def _with_followers(self, verb: Verb, outcome: Outcome) -> Outcome:
        """The outcome, whose rows make what rests on them due again."""
        owner, asset_id, followers = self._ledger.owner, outcome.attempt.key.asset_id, after(verb.stage)

        def write(connection: Connection[Any]) -> None:
            if outcome.write is not None:
                outcome.write(connection)
            runs.drop_stages(connection, owner, asset_id, followers)

        rewritten = followers and outcome.state != StageState.FAILED
        return replace(outcome, write=write) if rewritten else outcome

    def _missing(self, item: Item, ledger: Iterable[StageRun]) -> list[Verb]:
        entries = {(run.stage, run.model_id): run for run in ledger}
        scenes = entries.get((SCENES.name, 0))
        missing: list[Verb] = []
        for verb in self.verbs:
            rests_on_scenes = SCENES.name in verb.stage.rests_on
            if rests_on_scenes and (scenes is None or scenes.state == StageState.FAILED):
                continue
            if verb.waits() is not None:
                continue
            run = entries.get((verb.stage.name, verb.model_id))
            if self._retry and run is not None and run.state == StageState.FAILED:
                run = None
            current = is_current(run, verb.stage.version, item.asset, skips=verb.off() is not None)
            stale = run is not None and current and run.state != StageState.SKIPPED and verb.is_due(item, run)
            # One that runs makes those due that rest on it.
            follows = bool({earlier.stage.name for earlier in missing} & set(verb.stage.rests_on))
            if not current or stale or follows:
                missing.append(verb)
        return missing

    def _tell_failures(self, item: Item, ledger: Iterable[StageRun], missing: Sequence[Verb]) -> None:
        """What failed before and stays so."""
        done = {(verb.stage.name, verb.model_id) for verb in self.verbs if verb not in missing}
        for run in ledger:
            if (run.stage, run.model_id) in done and run.state == StageState.FAILED:
                self._listener.failed_before(item, run)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise StoreError("the run was stopped; `heimdex index` goes on where it was")


def _rests_on_any(verb: Verb, others: Iterable[Verb]) -> bool:
    return bool({other.stage.name for other in others} & set(verb.stage.rests_on))


def _groups(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Up to GROUP assets, or GROUP_US of film and sound."""
    group: list[Item] = []
    lasts_us = 0
    for item in items:
        group.append(item)
        lasts_us += item.asset.facts.duration_us
        if len(group) == GROUP or lasts_us >= GROUP_US:
            yield group
            group, lasts_us = [], 0
    if group:
        yield group


def _check(halt: threading.Event) -> None:
    if halt.is_set():
        raise Stopped("the run was asked to stop; the next one goes on where it was")


def _result(future: Future[None], halt: threading.Event) -> None:
    """What a thread's work raised. Awaited in short spells: Ctrl-C must get through, and a halt."""
    while True:
        _check(halt)
        try:
            return future.result(timeout=TICK_S)
        except NotYet:
            if future.done():
                raise
