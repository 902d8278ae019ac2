"""What a backfill looks for, and how its questions are put."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from heimdex.pipeline.backfill_tally import BackfillOptions
from heimdex.pipeline.flow import PICTURE, SCENES
from heimdex.pipeline.library import find_asset
from heimdex.pipeline.tools import Tools
from heimdex.store import backlog
from heimdex.store.backlog import Wanted
from heimdex.store.vectors import StoredModel

FIRST = "00000000-0000-0000-0000-000000000000"  # sorts before every asset's id
UNKNOWN = StoredModel(model_id=-1, name="", spaces=())  # a model the database does not know


def wanted_of(tools: Tools, options: BackfillOptions) -> Wanted:
    """What the options ask for. Raises NotFound for an unknown asset."""
    chosen = options.assets
    if options.asset is not None:
        name = options.asset
        found = tools.database.run(tools.owner, lambda c: find_asset(c, tools.owner, name), read_only=True)
        chosen = (found.asset_id,)
    return Wanted(
        owner=tools.owner,
        model_id=UNKNOWN.model_id,
        spaces=(),
        width=len(tools.model.spaces),
        version=PICTURE.version,
        scenes_version=SCENES.version,
        assets=chosen,
        failed=options.failed,
        force=options.force,
    )


def of_model(wanted: Wanted, model: StoredModel) -> Wanted:
    """The same of a model the database knows."""
    spaces = tuple(stored.space_id for stored in model.spaces)
    return replace(wanted, model_id=model.model_id, spaces=spaces)


def skipped(tools: Tools, wanted: Wanted) -> int:
    """Scenes that are left alone because they failed before."""
    if wanted.failed or wanted.force:
        return 0
    found: int = tools.database.run(
        tools.owner, partial(backlog.count_given_up, wanted=wanted), read_only=True
    )
    return found


def at_most(count: int, limit: int | None) -> int:
    """The count, no more than the limit."""
    return count if limit is None else min(count, limit)


def up_to(page: Sequence[tuple[str, int]], scenes: int) -> Iterator[str]:
    """The first assets of a page that together have that many scenes."""
    for asset_id, count in page:
        yield asset_id
        scenes -= count
        if scenes <= 0:
            return
