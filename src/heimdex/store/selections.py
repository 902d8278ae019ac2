"""Sets of assets to be worked on again, by filters and by what the ledger says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from psycopg import Connection

from heimdex.entities import Filters
from heimdex.store.nearest import filter_parameters, with_filters
from heimdex.store.sql import queries

SQL = queries("selections")

Only = Literal["failed", "stale"]


def select(
    connection: Connection[Any],
    owner: str,
    filters: Filters,
    stages: Mapping[str, int],
    *,
    only: Only | None = None,
    assets: Sequence[str] | None = None,
) -> list[tuple[str, bytes]]:
    """(asset id, one of its paths) of what passes the filters; `stages` are names with their versions.

    `only` failed: one of the stages failed; stale: one is missing, or of another version or content.
    """
    of_scenes = ""
    if filters.longer_us is not None or filters.motion is not None:
        of_scenes = with_filters(SQL["of_scenes"].strip(), _of_scene(filters))
    statement = (
        SQL["select_assets"]
        .replace("/* of scenes */", of_scenes)
        .replace("/* ids */", "" if assets is None else SQL["of_ids"])
        .replace("/* ledger */", "" if only is None else SQL[f"ledger_{only}"])
    )
    statement = with_filters(statement, replace(filters, longer_us=None, motion=None))
    parameters = filter_parameters(filters) | {
        "owner": owner,
        "assets": list(assets or ()),
        "stages": list(stages),
        "versions": list(stages.values()),
    }
    found = connection.execute(statement, parameters)
    return [(asset_id, bytes(path)) for asset_id, path in found if path is not None]


def refused(connection: Connection[Any], owner: str, within: str | None) -> list[bytes]:
    """Files that were refused, of everywhere or below a folder."""
    clause = "" if within is None else SQL["path_within"]
    parameters = filter_parameters(Filters(within=within)) | {"owner": owner}
    found = connection.execute(SQL["refused_files"].replace("/* within */", clause), parameters)
    return [bytes(path) for (path,) in found]


def reset_stages(
    connection: Connection[Any], owner: str, assets: Sequence[str], stages: Sequence[str], model_id: int
) -> None:
    """Have stages of some assets run again; `picture` of one model."""
    parameters = {"owner": owner, "assets": list(assets), "stages": list(stages), "model": model_id}
    connection.execute(SQL["reset_stages"], parameters)


def time_of_stages(
    connection: Connection[Any], owner: str, assets: Sequence[str], stages: Sequence[str]
) -> float:
    """About how many seconds of work stages of some assets are, by what is on record."""
    parameters = {"owner": owner, "assets": list(assets), "stages": list(stages)}
    row = connection.execute(SQL["time_of_stages"], parameters).fetchone()
    return 0.0 if row is None else float(row[0]) / 1000


def _of_scene(filters: Filters) -> Filters:
    return Filters(longer_us=filters.longer_us, motion=filters.motion)
