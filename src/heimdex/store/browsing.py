"""Assets page by page, and single kept frames: what a page or a program leafs through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from heimdex.entities import Asset, Keyframe, Kind, is_uuid
from heimdex.store.assets import AssetPath, asset_of
from heimdex.store.scenes import keyframe_of
from heimdex.store.sql import queries

SQL = queries("browsing")


def assets_page(
    connection: Connection[Any], owner: str, *, after: str | None, kind: Kind | None, limit: int
) -> list[Asset]:
    """At most `limit` assets in the order of their arrival; after the asset `after`, where given."""
    parameters = {"owner": owner, "after": after, "kind": kind and str(kind), "limit": limit}
    return [asset_of(row) for row in connection.execute(SQL["assets_page"], parameters)]


def paths_of_assets(
    connection: Connection[Any], owner: str, asset_ids: Sequence[str]
) -> dict[str, list[AssetPath]]:
    """The paths of some assets, those that are there first."""
    found: dict[str, list[AssetPath]] = {asset_id: [] for asset_id in asset_ids}
    rows = connection.execute(SQL["paths_of_assets"], {"owner": owner, "assets": list(asset_ids)})
    for asset_id, raw, path, state in rows:
        found[asset_id].append(AssetPath(path_bytes=bytes(raw), path=path, state=state))
    return found


def keyframe(connection: Connection[Any], owner: str, keyframe_id: str) -> Keyframe | None:
    """A kept frame."""
    return _one(connection, "keyframe", owner=owner, keyframe=keyframe_id)


def best_keyframe(connection: Connection[Any], owner: str, scene_id: str) -> Keyframe | None:
    """The best kept frame of a scene; None for a scene of sound, or none at all."""
    return _one(connection, "best_keyframe", owner=owner, scene=scene_id)


def best_keyframes(connection: Connection[Any], owner: str, scene_ids: Sequence[str]) -> dict[str, Keyframe]:
    """The best kept frames of some scenes, by scene; those of sound have none."""
    rows = connection.execute(SQL["best_keyframes"], {"owner": owner, "scenes": list(scene_ids)})
    return {found.scene_id: found for found in map(keyframe_of, rows)}


def _one(connection: Connection[Any], query: str, **parameters: str) -> Keyframe | None:
    if not all(is_uuid(value) for value in parameters.values()):
        return None
    row = connection.execute(SQL[query], parameters).fetchone()
    return None if row is None else keyframe_of(row)
