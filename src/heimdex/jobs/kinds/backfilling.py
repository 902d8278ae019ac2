"""Backfill as a job: the vectors of one model for what is indexed already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from heimdex.errors import UsageError
from heimdex.jobs.kind import JobRun, Kind
from heimdex.jobs.kinds.choosing import choice_of

OPTIONS = ("asset", "failed", "force", "max_scenes", "batch_size", "checkpoint", "delay_s")


def check(arguments: Mapping[str, Any]) -> None:
    """Raises UsageError, QueryError."""
    from heimdex.search.language import parse

    unknown = sorted(arguments.keys() - {*OPTIONS, "model", "query"})
    if unknown:
        raise UsageError(f"a backfill has no option {unknown[0]!r}; there are: {', '.join(OPTIONS)}")
    parse(str(arguments.get("query") or ""))


def backfill(run: JobRun) -> Mapping[str, Any]:
    """Make what is lacking."""
    from heimdex.pipeline.backfill import backfill as make
    from heimdex.pipeline.backfill_tally import BackfillOptions, BackfillProgress
    from heimdex.pipeline.selection import choose_assets

    arguments = run.arguments
    model = arguments.get("model")
    tools = run.tools if model is None else run.tools_of(str(model))
    known = {field.name for field in fields(BackfillOptions)}
    given = {name: arguments[name] for name in OPTIONS if name in known and arguments.get(name) is not None}
    if arguments.get("query"):
        given["assets"] = choose_assets(tools, choice_of(run, {"query": arguments["query"]})).assets

    def tell(progress: BackfillProgress) -> None:
        done, total = progress.scenes_done, progress.scenes_total
        eta_s = round(progress.seconds * (total - done) / done, 1) if done else None
        run.progress(done, total, eta_s=eta_s)

    report = make(tools, BackfillOptions(**given), tell, halt=run.stop)
    return asdict(report)


BACKFILL = Kind(name="backfill", queue="backfill", work=backfill, check=check, at_once=1)
