"""Scenes and kept frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from heimdex.entities import DerivedFile, FoundScene, FrameQuality, Keyframe, Motion, Scene, is_uuid
from heimdex.errors import NotFound
from heimdex.store.sql import queries

SQL = queries("scenes")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenePlace:
    """Where a scene belongs."""

    asset_id: str
    position: int
    start_us: int
    end_us: int


def replace_scenes(
    connection: Connection[Any], owner: str, asset_id: str, found: Iterable[FoundScene]
) -> None:
    """Write an asset's scenes and kept frames in place of those it had. `found` is gone through twice."""
    connection.execute(SQL["delete_scenes"], {"owner": owner, "asset": asset_id})
    common = {"owner": owner, "asset": asset_id}
    with connection.cursor() as cursor:
        cursor.executemany(SQL["insert_scene"], (_scene_columns(one.scene) | common for one in found))
        cursor.executemany(
            SQL["insert_keyframe"],
            (_keyframe_columns(keyframe) | common for one in found for keyframe in one.keyframes),
        )


def scenes_of(connection: Connection[Any], owner: str, asset_id: str) -> list[Scene]:
    """The scenes of one asset in order."""
    rows = connection.execute(SQL["scenes_of_asset"], {"owner": owner, "asset": asset_id})
    return [
        Scene(
            scene_id=scene_id,
            position=position,
            start_us=start_us,
            end_us=end_us,
            motion=Motion(energy=energy, pan=pan, tilt=tilt, zoom=zoom, change=change),
        )
        for scene_id, position, start_us, end_us, energy, pan, tilt, zoom, change in rows
    ]


def keyframes_of(
    connection: Connection[Any], owner: str, asset_ids: Sequence[str]
) -> dict[str, list[Keyframe]]:
    """The kept frames of some assets by asset, best first within each scene."""
    found: dict[str, list[Keyframe]] = {asset_id: [] for asset_id in asset_ids}
    rows = connection.execute(SQL["keyframes_of_assets"], {"owner": owner, "assets": list(asset_ids)})
    for row in rows:
        found[row[0]].append(keyframe_of(row))
    return found


def place_of(connection: Connection[Any], owner: str, scene_id: str) -> ScenePlace:
    """Where a scene belongs. Raises NotFound."""
    row = None
    if is_uuid(scene_id):
        row = connection.execute(SQL["find_scene"], {"owner": owner, "scene": scene_id}).fetchone()
    if row is None:
        raise NotFound(f"no scene {scene_id}; `heimdex show ASSET` lists the scenes of an asset")
    return ScenePlace(asset_id=row[0], position=row[1], start_us=row[2], end_us=row[3])


def keyframe_of(row: Sequence[Any]) -> Keyframe:
    """A kept frame out of a row with the columns of `keyframes_of_assets`."""
    _, scene_id, keyframe_id, rank, at_us, width, height, quality, *files = row
    frame_key, frame_sha256, frame_bytes, thumbnail_key, thumbnail_sha256, thumbnail_bytes = files
    return Keyframe(
        scene_id=scene_id,
        keyframe_id=keyframe_id,
        rank=rank,
        at_us=at_us,
        width=width,
        height=height,
        quality=quality and FrameQuality(**quality),
        frame=DerivedFile(key=frame_key, sha256=frame_sha256, size_bytes=frame_bytes),
        thumbnail=DerivedFile(key=thumbnail_key, sha256=thumbnail_sha256, size_bytes=thumbnail_bytes),
    )


def _scene_columns(scene: Scene) -> dict[str, Any]:
    return asdict(scene.motion) | {
        "scene": scene.scene_id,
        "position": scene.position,
        "start_us": scene.start_us,
        "end_us": scene.end_us,
    }


def _keyframe_columns(keyframe: Keyframe) -> dict[str, Any]:
    return {
        "keyframe": keyframe.keyframe_id,
        "scene": keyframe.scene_id,
        "rank": keyframe.rank,
        "at_us": keyframe.at_us,
        "width": keyframe.width,
        "height": keyframe.height,
        "frame_quality": keyframe.quality and Jsonb(asdict(keyframe.quality)),
        "frame_key": keyframe.frame.key,
        "frame_sha256": keyframe.frame.sha256,
        "frame_bytes": keyframe.frame.size_bytes,
        "thumbnail_key": keyframe.thumbnail.key,
        "thumbnail_sha256": keyframe.thumbnail.sha256,
        "thumbnail_bytes": keyframe.thumbnail.size_bytes,
    }
