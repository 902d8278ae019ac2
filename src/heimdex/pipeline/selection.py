"""Choosing what is worked on again: a line of the query language, and what the ledger says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from heimdex.entities import Filters
from heimdex.pipeline import models
from heimdex.pipeline.flow import Stage, with_followers
from heimdex.pipeline.tools import Tools
from heimdex.store import selections
from heimdex.store.selections import Only

RESET_AT_ONCE = 1000  # assets


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The files to work on again, and about how much work that is."""

    assets: tuple[str, ...]
    paths: tuple[bytes, ...]  # one of each asset, then files that were refused
    seconds: float  # of work, by what these stages took before; with n workers about an nth of it


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What is asked for. `assets`: only those (of words that were searched for)."""

    filters: Filters
    stages: tuple[Stage, ...]
    only: Only | None = None
    assets: tuple[str, ...] | None = None


def choose_assets(tools: Tools, choice: Choice) -> Chosen:
    """Find what is asked for."""
    owner, only = tools.owner, choice.only
    stages = {stage.name: stage.version for stage in choice.stages}
    working = [stage.name for stage in with_followers(choice.stages)]

    def read(connection: Any) -> Chosen:
        found = selections.select(connection, owner, choice.filters, stages, only=only, assets=choice.assets)
        refused: Sequence[bytes] = ()
        if only == "failed" and choice.assets is None and _names_only_a_folder(choice.filters):
            refused = selections.refused(connection, owner, choice.filters.within)
        ids = tuple(asset_id for asset_id, _ in found)
        return Chosen(
            assets=ids,
            paths=(*(path for _, path in found), *refused),
            seconds=round(selections.time_of_stages(connection, owner, ids, working), 3),
        )

    chosen: Chosen = tools.database.run(owner, read, read_only=True)
    return chosen


def reset(tools: Tools, assets: Sequence[str], stages: Sequence[Stage]) -> None:
    """Have stages run again for assets although they are done."""
    owner, names = tools.owner, [stage.name for stage in stages]

    def write(some: Sequence[str], connection: Any) -> None:
        model = models.find(connection, tools.model)
        selections.reset_stages(connection, owner, some, names, 0 if model is None else model.model_id)

    for start in range(0, len(assets), RESET_AT_ONCE):
        tools.database.run(owner, partial(write, assets[start : start + RESET_AT_ONCE]))


def _names_only_a_folder(filters: Filters) -> bool:
    return filters == Filters(within=filters.within)
