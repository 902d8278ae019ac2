"""Jobs that index in parts may see the picture model change under them: what they made is made up for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from heimdex.entities import NewJob
from heimdex.jobs.kind import JobRun

if TYPE_CHECKING:
    from heimdex.pipeline.tools import Tools


def model_of(tools: Tools) -> str | None:
    """What tells the picture model of an index run; None where it looks at no pictures. Goes into results."""
    model = tools.model
    return f"{model.row.name}/{model.row.precision}/{model.weights_sha256}" if tools.pictures else None


def catch_up(run: JobRun, used: Iterable[str | None]) -> bool:
    """Have a backfill follow the run where one of the models `used` is not in use any more; whether it does.

    To be called when everything was entered: what is indexed before a pointer moves is counted there.
    """
    before = {model for model in used if model is not None}
    if not before:
        return False
    now = model_of(run.makers.tools(run.owner, None))  # not run.tools, which may be from before
    if now is None or before == {now}:
        return False
    run.follow(NewJob(kind="backfill"))
    return True
