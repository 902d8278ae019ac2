"""What a backfill would do and about how long it would take: the dry run. Nothing is written."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from heimdex.entities import Keyframe
from heimdex.pipeline import models
from heimdex.pipeline.backfill_tally import BackfillOptions, BackfillReport
from heimdex.pipeline.stages import Stages
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.wanted import FIRST, UNKNOWN, at_most, of_model, skipped, up_to
from heimdex.store import backlog
from heimdex.store.backlog import Backlog, Wanted
from heimdex.store.vectors import StoredModel

SAMPLED_FRAMES = 16  # encoded for the estimate


def forecast(tools: Tools, options: BackfillOptions, wanted: Wanted) -> BackfillReport:
    """What a run would do. The estimate is of some of the frames, encoded and thrown away."""
    owner = tools.owner
    model: StoredModel | None = tools.database.run(
        owner, lambda c: models.find(c, tools.model), read_only=True
    )
    wanted = of_model(wanted, model or UNKNOWN)
    planned: Backlog = tools.database.run(owner, partial(backlog.count, wanted=wanted), read_only=True)
    scenes = at_most(planned.scenes, options.max_scenes)
    share = scenes / planned.scenes if planned.scenes else 0.0
    frames = round(planned.frames * share)
    pauses = scenes // options.batch_size * options.delay_s
    return BackfillReport(
        model=tools.model.row.name,
        assets=min(planned.assets, scenes) if options.max_scenes is not None else planned.assets,
        scenes=scenes,
        vectors=frames * wanted.width,
        failed=(),
        skipped=skipped(tools, wanted),
        remaining=planned.scenes,
        seconds=round((_seconds(tools, wanted, frames) if frames else 0.0) + pauses, 3),
        dry_run=True,
    )


def _seconds(tools: Tools, wanted: Wanted, frames: int) -> float:
    """What loading the model and encoding so many frames takes, by a sample of them; writing is not in it."""

    def some(connection: Any) -> list[Keyframe]:
        page = backlog.next_due(connection, wanted, FIRST, limit=SAMPLED_FRAMES)
        due = backlog.look_closely(connection, wanted, list(up_to(page, SAMPLED_FRAMES)))
        return [frame for one in due for frame in one.frames][:SAMPLED_FRAMES]

    sample = tools.database.run(tools.owner, some, read_only=True)
    stages = Stages(tools, UNKNOWN)
    try:
        began_s = time.monotonic()
        stages.load_model()
        loaded_s = time.monotonic()
        encoded = list(stages.encode(sample))
        each_s = (time.monotonic() - loaded_s) / max(1, len(encoded))
        return loaded_s - began_s + frames * each_s
    finally:
        stages.close()
