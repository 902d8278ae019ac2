"""The assets that a line of the query language names, for jobs that work on a set of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from heimdex.entities import Query
from heimdex.errors import UsageError
from heimdex.jobs.kind import JobRun

MOST_FOUND = 1000  # scenes that words may find


def choice_of(run: JobRun, arguments: Mapping[str, Any]) -> Any:
    """What the arguments `query`, `stages` and `only` ask for. Words are searched for, filters are looked up.

    Raises QueryError, UsageError.
    """
    from heimdex.pipeline.flow import choose
    from heimdex.pipeline.selection import Choice
    from heimdex.search.language import parse

    only = arguments.get("only")
    if only not in (None, "failed", "stale"):
        raise UsageError(f"--only takes failed or stale, not {only!r}")
    text = str(arguments.get("query") or "")
    parsed = parse(text, folder=_absolute)
    assets = None
    if parsed.terms:
        answer = run.makers.searcher(run.owner).search(Query(text=text, limit=MOST_FOUND))
        assets = tuple(dict.fromkeys(hit.asset_id for hit in answer.hits))
    return Choice(
        filters=parsed.filters,
        stages=choose(arguments.get("stages")),
        only=only,
        assets=assets,
    )


def _absolute(value: str) -> str:
    return os.path.abspath(os.path.expanduser(value))
