"""Selective reprocessing: stages run again for whatever a query and the ledger choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heimdex.entities.objects import is_object
from heimdex.errors import UsageError
from heimdex.jobs.kind import JobRun, Kind
from heimdex.jobs.kinds.catching_up import model_of
from heimdex.jobs.kinds.choosing import choice_of
from heimdex.jobs.kinds.indexing import catch_up_with, parts_of, summed


def check(arguments: Mapping[str, Any]) -> None:
    """Raises UsageError, QueryError."""
    from heimdex.pipeline.flow import choose
    from heimdex.search.language import parse

    choose(arguments.get("stages"))
    parse(str(arguments.get("query") or ""))
    if arguments.get("only") not in (None, "failed", "stale"):
        raise UsageError(f"--only takes failed or stale, not {arguments['only']!r}")
    if float(arguments.get("per_minute") or 0) < 0:
        raise UsageError("--per-minute starts at 0, which is no limit")


def reprocess(run: JobRun) -> Mapping[str, Any]:
    """Choose, put back what is to be made again, and split.

    Stages that rest on these run as well: a film with new scenes and no vectors would not be found.
    """
    from heimdex.pipeline.flow import with_followers
    from heimdex.pipeline.selection import choose_assets, reset
    from heimdex.pipeline.sharing import FILES_A_PART, in_portions

    arguments = run.arguments
    choice = choice_of(run, arguments)
    chosen = choose_assets(run.tools, choice)
    run.check_stop()
    if arguments.get("force"):
        reset(run.tools, chosen.assets, choice.stages)
    per_minute = float(arguments.get("per_minute") or 0)
    size = FILES_A_PART if not per_minute else max(1, min(FILES_A_PART, round(per_minute)))
    passed = {
        "stages": [stage.name for stage in with_followers(choice.stages)],
        "retry": arguments.get("only") == "failed" or bool(arguments.get("force")),
    }
    here = [path for path in chosen.paths if not is_object(path)]
    uploads = [path for path in chosen.paths if is_object(path)]  # not every machine may reach them
    portions = [*in_portions(here, size), *in_portions(uploads, size)]
    run.split(parts_of(portions, passed, per_minute=per_minute))
    return {
        "assets": len(chosen.assets),
        "files": len(chosen.paths),
        "estimate_s": chosen.seconds,
        "model": model_of(run.tools),
    }


def conclude(run: JobRun) -> Mapping[str, Any]:
    """Finish the library, add up what the parts did, and catch up with a model that was changed."""
    from heimdex.pipeline.flow import choose, with_followers
    from heimdex.pipeline.run_context import IndexOptions
    from heimdex.pipeline.sharing import conclude as finish

    stages = with_followers(choose(run.arguments.get("stages")))
    finish(run.tools, IndexOptions(stages=stages), ())
    catch_up_with(run, stages)
    return {name: value for name, value in (run.job.result or {}).items() if name != "model"} | summed(run)


REPROCESS = Kind(
    name="reprocess", queue="backfill", work=reprocess, conclude=conclude, check=check, at_once=1
)
