"""Where scenes are: which are neighbours, and in which files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.store.sql import queries, uuid_array

SQL = queries("places")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a scene stands: the scene of number `position` of its asset."""

    asset_id: str
    position: int


def places_of_scenes(connection: Connection[Any], owner: str, scenes: Sequence[str]) -> dict[str, Place]:
    """The places of some scenes; those that were removed are left out."""
    parameters = {"owner": owner, "scenes": uuid_array(scenes)}
    rows = connection.execute(SQL["places_of_scenes"], parameters).fetchall()
    return {scene_id: Place(asset_id=asset_id, position=position) for scene_id, asset_id, position in rows}


def paths_of_scenes(connection: Connection[Any], owner: str, scenes: Sequence[str]) -> dict[str, list[str]]:
    """The paths of some scenes' files, copies included; those that are nowhere now are left out."""
    rows = connection.execute(SQL["paths_of_scenes"], {"owner": owner, "scenes": uuid_array(scenes)})
    return dict(rows.fetchall())
