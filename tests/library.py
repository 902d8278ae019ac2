"""A library made of rows alone, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.background import VERSION, calibrate
from heimdex.entities import (
    DerivedFile,
    Facts,
    FileStamp,
    FoundScene,
    FrameQuality,
    Keyframe,
    Kind,
    Scene,
    Space,
    StageState,
    new_id,
)
from heimdex.store import assets, calibrations, runs, scenes, vectors
from heimdex.store.calibrations import Calibration
from heimdex.store.database import Database
from heimdex.store.runs import RunKey
from heimdex.store.vectors import StoredModel, StoredSpace, VectorRow

DIM = 32
QUALITY = FrameQuality(quality_score=0.5, sharpness=0.5, exposure=0.5, contrast=0.5, steadiness=0.5)
FACTS = Facts(kind=Kind.VIDEO, container="mp4", width=64, height=36, duration_us=10_000_000)


@dataclass(frozen=True, kw_only=True)
class MadeAsset:
    """An asset and its scenes with their vectors, (frames, DIM) each."""

    asset_id: str
    path: str
    scene_ids: tuple[str, ...]
    values: tuple[NDArray[np.float32], ...]


def unit(rows: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Rows of L2 norm 1, float32, already rounded as the database's half floats are."""
    found: NDArray[np.float16] = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float16)
    return found.astype(np.float32)


def make_model(database: Database, owner: str, name: str = "test") -> StoredModel:
    """A model with one space of DIM."""
    space = Space(model=name, name="joint", dim=DIM)
    return database.run(owner, lambda c: vectors.register_model(c, [space], "float", "0" * 64))


def add_asset(
    database: Database,
    owner: str,
    model: StoredModel,
    path: str,
    values: Sequence[NDArray[np.float32]],
    facts: Facts = FACTS,
) -> MadeAsset:
    """Enter an asset with one scene per array of vectors."""
    stamp = FileStamp(path=path.encode(), size_bytes=1, modified_ns=1_700_000_000_000_000_000)
    made_scenes = [
        Scene(position=number, start_us=number * 1_000_000, end_us=(number + 1) * 1_000_000)
        for number in range(len(values))
    ]
    keyframes = [
        [_keyframe(scene, rank) for rank in range(len(rows))]
        for scene, rows in zip(made_scenes, values, strict=True)
    ]
    space_id = model.spaces[0].space_id
    rows = [
        VectorRow(keyframe=keyframe, space_id=space_id, values=value, metadata={"error": None})
        for group, of_scene in zip(keyframes, values, strict=True)
        for keyframe, value in zip(group, of_scene, strict=True)
    ]

    def write(connection: Any) -> str:
        entered = assets.register(connection, owner, stamp, new_id().replace("-", "") * 2, facts)
        asset_id = entered.asset_id
        found = [
            FoundScene(scene=scene, keyframes=tuple(group))
            for scene, group in zip(made_scenes, keyframes, strict=True)
        ]
        scenes.replace_scenes(connection, owner, asset_id, found)
        vectors.replace_vectors(connection, owner, asset_id, [space_id], rows)
        for stage, model_id, count in (
            ("scenes", 0, len(made_scenes)),
            ("picture", model.model_id, len(rows)),
        ):
            key = RunKey(asset_id=asset_id, stage=stage, model_id=model_id)
            attempt = runs.begin(connection, owner, key, 1)
            runs.finish(connection, owner, key, attempt, (StageState.DONE, count, None, 1.0))
        return asset_id

    asset_id = database.run(owner, write)
    return MadeAsset(
        asset_id=asset_id,
        path=path,
        scene_ids=tuple(scene.scene_id for scene in made_scenes),
        values=tuple(values),
    )


def photo(**changes: Any) -> Facts:
    """The facts of a photo."""
    return replace(FACTS, kind=Kind.PHOTO, container="JPEG", duration_us=0, **changes)


def moment(year: int) -> datetime:
    """Some time in a year."""
    return datetime(year, 6, 1, tzinfo=UTC)


def _keyframe(scene: Scene, rank: int) -> Keyframe:
    file = DerivedFile(key=f"derived/{new_id()}.jpg", sha256="0" * 64, size_bytes=1)
    return Keyframe(
        scene_id=scene.scene_id,
        rank=rank,
        at_us=scene.start_us + rank,
        width=64,
        height=36,
        quality=QUALITY,
        frame=file,
        thumbnail=file,
    )


def calibrate_rows(
    database: Database, owner: str, stored: StoredSpace, background: NDArray[np.float32]
) -> None:
    """What an index run does at its end: every row against texts as such, (texts, dim)."""

    def work(connection: Any) -> None:
        keys, values = calibrations.uncalibrated(connection, owner, stored, version=VERSION, limit=1000)
        means, deviations = calibrate(values, background, stored.space)
        made = [
            Calibration(mean=float(m), deviation=float(d)) for m, d in zip(means, deviations, strict=True)
        ]
        calibrations.write_calibrations(connection, owner, stored, keys, made, version=VERSION)

    database.run(owner, work)
