"""Backfill: the vectors of one model for every scene that lacks them, from the kept frames.

No file is opened but kept frames, so the originals may be away, and what comes out is what an index run with
that model would have made. Vectors are committed every few scenes under the asset's fencing token; the stage
`picture` of that model is entered as done only when a count of the rows says so. A run that is stopped or
killed loses the scenes since its last commit; the next one makes what is lacking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from heimdex.entities import Keyframe
from heimdex.errors import ModelUnavailable, Stopped, UsageError
from heimdex.pipeline import models
from heimdex.pipeline.backfill_tally import BackfillOptions, BackfillReport, BackfillTally, OnProgress
from heimdex.pipeline.calibrating import calibrate_space
from heimdex.pipeline.forecast import forecast
from heimdex.pipeline.in_hand import Hands, InHand, Portion
from heimdex.pipeline.ledger import Ledger
from heimdex.pipeline.stages import Stages
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.wanted import FIRST, at_most, of_model, skipped, up_to, wanted_of
from heimdex.store import backlog
from heimdex.store.backlog import Backlog, Wanted
from heimdex.store.vectors import StoredModel, VectorRow

ELSEWHERE_POLL_S = 0.2


def backfill(
    tools: Tools,
    options: BackfillOptions,
    on_progress: OnProgress | None = None,
    *,
    halt: threading.Event | None = None,
) -> BackfillReport:
    """Make the vectors of `tools.model` that are lacking.

    Raises UsageError for portions below 1, NotFound for an unknown asset, ModelUnavailable where the model
    does not load, StoreError when nothing can be written, Stopped once `halt` is set.
    """
    _check(options)
    wanted = wanted_of(tools, options)
    if options.dry_run:
        return forecast(tools, options, wanted)
    model: StoredModel = tools.database.run(tools.owner, lambda c: models.register(c, tools.model))
    report = Backfill(tools, model, options, of_model(wanted, model), halt).run(on_progress)
    models.index_large_spaces(tools, model)
    calibrate_space(tools, model)
    return report


class Backfill:
    """One run of one model."""

    def __init__(
        self,
        tools: Tools,
        model: StoredModel,
        options: BackfillOptions,
        wanted: Wanted,
        halt: threading.Event | None = None,
    ) -> None:
        self.tools = tools
        self.model = model
        self.options = options
        self.wanted = wanted
        self.stages = Stages(tools, model)
        self._claims = tools.database.claims()
        self._hands = Hands(Ledger(tools.database, tools.owner, self._claims), wanted)
        self._tally = BackfillTally(None)
        self._elsewhere: list[str] = []
        self._since_pause = 0  # scenes
        self._halt = halt or threading.Event()

    def run(self, on_progress: OnProgress | None = None) -> BackfillReport:
        """Make what is lacking, and say what was made."""
        planned = self._count(self.wanted)
        passed_over = skipped(self.tools, self.wanted)
        self._tally = BackfillTally(on_progress, at_most(planned.scenes, self.options.max_scenes))
        try:
            if planned.frames:
                self.stages.load_model()
            self._tally.tell()
            self._work()
        finally:
            self.stages.close()
            self._claims.close()
        remaining = planned.scenes - self._tally.scenes
        if not self.options.force:
            remaining = self._count(replace(self.wanted, failed=False)).scenes
        return self._tally.report(self.model.name, skipped=passed_over, remaining=max(0, remaining))

    def _work(self) -> None:
        after = FIRST
        while not self._is_full():
            page = self._read(
                partial(backlog.next_due, wanted=self.wanted, after=after, limit=self.options.batch_size)
            )
            if not page:
                break
            group = list(up_to(page, at_most(self.options.batch_size, self._left())))
            after = group[-1]
            self._work_on(group)
        while self._elsewhere and self.options.wait and not self._is_full():
            self._halt.wait(ELSEWHERE_POLL_S)
            self._check_halt()
            self._tally.tell()
            group, self._elsewhere = self._elsewhere, []
            self._work_on(group)

    def _work_on(self, asset_ids: Sequence[str]) -> None:
        held, elsewhere = self._hands.take(asset_ids)
        self._elsewhere += elsewhere
        try:
            self._commit([Portion(item=item, last=True) for item in held if not item.scenes])
            scenes = self._scenes_of(held)
            while piece := list(islice(scenes, self.options.checkpoint)):
                self._check_halt()
                self._make(piece)
                self._pause(len(piece))
        finally:
            self._hands.let_go(held)

    def _scenes_of(self, held: Sequence[InHand]) -> Iterator[tuple[InHand, tuple[Keyframe, ...]]]:
        """Scene by scene, no further than this run may go."""
        left = self._left()
        for item in held:
            while item.scenes and not item.over:
                if left is not None and left <= 0:
                    return
                left = None if left is None else left - 1
                yield item, item.scenes.pop(0)

    def _make(self, piece: Sequence[tuple[InHand, tuple[Keyframe, ...]]]) -> None:
        """Encode some scenes and commit them."""
        encoded = iter(list(self.stages.encode([frame for _, scene in piece for frame in scene])))
        if self.stages.encoders.unloadable is not None:  # then it is not the frames that are to blame
            raise ModelUnavailable(self.stages.encoders.unloadable)
        rows: dict[str, list[VectorRow]] = {}
        for item, scene in piece:
            for frame in scene:
                rows.setdefault(item.asset_id, []).extend(self.stages.vector_rows(frame, next(encoded)))
        items = {item.asset_id: item for item, _ in piece}
        self._commit(
            [
                Portion(item=item, rows=tuple(rows[asset_id]), last=not item.scenes)
                for asset_id, item in items.items()
            ]
        )

    def _commit(self, portions: Sequence[Portion]) -> None:
        if portions:
            written = self._hands.commit(portions)
            self._tally.add(written.portions, written.failed)
            self._tally.tell()

    def _pause(self, scenes: int) -> None:
        self._since_pause += scenes
        if self._since_pause >= self.options.batch_size:
            self._since_pause = 0
            self._halt.wait(self.options.delay_s)

    def _check_halt(self) -> None:
        if self._halt.is_set():
            raise Stopped("the backfill was asked to stop; the next one makes what is lacking")

    def _is_full(self) -> bool:
        left = self._left()
        return left is not None and left <= 0

    def _left(self) -> int | None:
        """Scenes that this run may still do; None without a limit."""
        limit = self.options.max_scenes
        return None if limit is None else limit - self._tally.scenes

    def _count(self, wanted: Wanted) -> Backlog:
        found: Backlog = self._read(partial(backlog.count, wanted=wanted))
        return found

    def _read(self, work: Callable[[Any], Any]) -> Any:
        return self.tools.database.run(self.tools.owner, work, read_only=True)


def _check(options: BackfillOptions) -> None:
    for name in ("batch_size", "checkpoint", "max_scenes"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} is {value}; it starts at 1")
    if options.delay_s < 0:
        raise UsageError(f"--delay is {options.delay_s}; it starts at 0")
