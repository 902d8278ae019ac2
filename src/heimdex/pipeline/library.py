"""What is in the library: lists, one asset in full, taking things out."""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from psycopg import Connection

from heimdex.entities import Asset, AssetState, Keyframe, Scene, StageRun, StageState, is_uuid
from heimdex.entities.objects import is_object, key_of, object_path
from heimdex.errors import NotFound, ObjectStoreError
from heimdex.pipeline import models
from heimdex.pipeline.flow import FLOW, LATER, Stage
from heimdex.pipeline.ledger import claim_key, is_current
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, descriptions, runs, scenes, uploaded, vectors, word_counts
from heimdex.store.assets import AssetPath
from heimdex.store.database import is_claimed
from heimdex.store.word_counts import WordCounts

log = logging.getLogger(__name__)

SIDECAR_FORMAT = "heimdex-sidecar/1"


def seconds(us: int) -> float:
    """Microseconds as the seconds people see."""
    return us / 1e6


def list_assets(tools: Tools) -> dict[str, Any]:
    """Every asset with its paths and state, and what was refused."""
    owner = tools.owner

    def read(connection: Connection[Any]) -> dict[str, Any]:
        paths = assets.all_paths(connection, owner)
        words = word_counts.count_words_of_assets(connection, owner)
        model = models.find(connection, tools.model)
        model_id = model.model_id if model else 0
        ledger: dict[str, list[StageRun]] = {}
        for run in runs.all_runs(connection, owner):
            ledger.setdefault(run.asset_id, []).append(run)
        return {
            "assets": [
                asset_line(
                    asset,
                    paths.get(asset.asset_id, []),
                    state_of(connection, tools, asset, ledger.get(asset.asset_id, []), model_id),
                    words.get(asset.asset_id, WordCounts()),
                )
                for asset in assets.list_assets(connection, owner)
            ],
            "refused": [
                {"path": path, "stage": stage, "error": error}
                for path, stage, error in assets.refused_files(connection, owner)
            ],
        }

    found: dict[str, Any] = tools.database.run(owner, read, read_only=True)
    return found


def state_of(
    connection: Connection[Any], tools: Tools, asset: Asset, ledger: Sequence[StageRun], model_id: int
) -> AssetState:
    """How an asset stands: missing, indexing, done, failed (nothing usable) or partial."""
    if not asset.present:
        return AssetState.MISSING
    entries = {(run.stage, run.model_id): run for run in ledger}
    wanted = [
        _latest(ledger, stage) if stage in LATER else entries.get((stage.name, model_id * stage.per_model))
        for stage in FLOW
    ]
    current = [
        is_current(run, stage.version, asset, skips=stage in LATER or not tools.pictures)
        and run is not None
        and run.state != StageState.FAILED
        for stage, run in zip(FLOW, wanted, strict=True)
    ]
    if all(current):
        return AssetState.DONE
    busy = any(run is not None and run.state == StageState.RUNNING for run in wanted)
    if busy and is_claimed(connection, claim_key(tools.owner, asset.asset_id)):
        return AssetState.INDEXING
    failed = wanted[0] is not None and wanted[0].state == StageState.FAILED
    return AssetState.FAILED if failed else AssetState.PARTIAL


def _latest(ledger: Sequence[StageRun], stage: Stage) -> StageRun | None:
    """The newest entry of a stage, whatever its model: which one is in use only its verb knows."""
    own = [run for run in ledger if run.stage == stage.name]
    return max(own, key=lambda run: (run.started_at is not None, run.started_at), default=None)


def show(tools: Tools, name: str) -> dict[str, Any]:
    """One asset in full. Raises NotFound."""
    owner = tools.owner

    def read(connection: Connection[Any]) -> dict[str, Any]:
        asset = find_asset(connection, owner, name)
        model = models.find(connection, tools.model)
        ledger = runs.runs_of(connection, owner, [asset.asset_id])
        state = state_of(connection, tools, asset, ledger, model.model_id if model else 0)
        keyframes = scenes.keyframes_of(connection, owner, [asset.asset_id])[asset.asset_id]
        words = word_counts.count_words_of_assets(connection, owner, [asset.asset_id])
        paths = assets.paths_of(connection, owner, asset.asset_id)
        return {
            "asset": asset_line(asset, paths, state, words.get(asset.asset_id, WordCounts())) | _facts(asset),
            "scenes": [
                _scene(tools, scene, [k for k in keyframes if k.scene_id == scene.scene_id])
                for scene in scenes.scenes_of(connection, owner, asset.asset_id)
            ],
            "ledger": [_run(run) for run in ledger],
        }

    found: dict[str, Any] = tools.database.run(owner, read, read_only=True)
    return found


def sidecar(tools: Tools, name: str) -> dict[str, Any]:
    """Everything known of an asset, vectors and their records included. Raises NotFound."""
    owner = tools.owner
    found = show(tools, name)
    asset_id = found["asset"]["asset_id"]
    rows = tools.database.run(owner, lambda c: vectors.vectors_of_asset(c, owner, asset_id), read_only=True)
    return {"format": SIDECAR_FORMAT} | found | {"vectors": rows}


def remove(tools: Tools, targets: Iterable[str]) -> list[str]:
    """Take assets, files or folders out of the index. Raises NotFound, removing nothing.

    Uploads are deleted, with what they take of the quota; originals that lie elsewhere stay.
    """
    owner = tools.owner
    wanted = list(targets)

    def delete(connection: Connection[Any]) -> tuple[list[str], list[str]]:
        lost: dict[str, None] = {}
        paths: dict[bytes, None] = {}
        for target in wanted:
            gone, off = _remove_one(connection, owner, target)
            lost |= dict.fromkeys(gone)
            paths |= dict.fromkeys(off)
        descriptions.forget_unkept(connection, owner)
        return list(lost), [key_of(path) for path in paths if is_object(path)]

    removed, uploads = tools.database.run(owner, delete)
    for asset_id in removed:
        tools.derived.remove_asset(asset_id)
    try:
        tools.originals.let_go(uploads)
    except ObjectStoreError as error:  # they are off the index; `heimdex serve` sweeps up what was received
        log.warning("Left in the object store for now: %s (%s)", ", ".join(uploads), error)
    return removed


def find_asset(connection: Connection[Any], owner: str, name: str) -> Asset:
    """An asset by its id or by one of its paths. Raises NotFound."""
    if is_uuid(name):
        found = assets.get_assets(connection, owner, [name])
        if found:
            return found[0]
    files = assets.known_files(connection, owner)
    known = files.get(_path_of(connection, owner, name, files))
    if known is not None and known.asset_id is not None:
        return assets.get_assets(connection, owner, [known.asset_id])[0]
    if known is not None:
        raise NotFound(f"{name} was refused: {known.error}")
    raise NotFound(f"no asset {name}; `heimdex assets` lists what there is")


def _path_of(connection: Connection[Any], owner: str, name: str, files: Container[bytes]) -> bytes:
    """The path on record that a name means: an upload's own, a file's, or that of the upload so named.

    Raises NotFound where several uploads have that name.
    """
    raw = os.fsencode(name)
    if is_object(raw):
        return raw
    path = os.path.abspath(os.path.expanduser(raw))
    if path not in files:
        given = [object_path(file.object_key) for file in uploaded.find_by_name(connection, owner, name)]
        named = [one for one in given if one in files]
        if len(named) > 1:
            raise NotFound(f"{len(named)} uploads are called {name}; give an asset's id: `heimdex assets`")
        if named:
            return named[0]
    return path


def _remove_one(connection: Connection[Any], owner: str, target: str) -> tuple[list[str], list[bytes]]:
    """The assets that went, and the paths that are off the record."""
    if is_uuid(target) and assets.get_assets(connection, owner, [target]):
        paths = [path.path_bytes for path in assets.paths_of(connection, owner, target)]
        assets.delete_assets(connection, owner, [target])
        return [target], paths
    on_record = assets.known_files(connection, owner)
    path = _path_of(connection, owner, target, on_record)
    below = path.rstrip(b"/") + b"/"
    files = {
        known: file.asset_id for known, file in on_record.items() if known == path or known.startswith(below)
    }
    if not files:
        raise NotFound(f"nothing is indexed at {target}; `heimdex assets` lists what there is")
    assets.forget(connection, owner, list(files))
    touched = sorted({asset_id for asset_id in files.values() if asset_id is not None})
    lost = [asset_id for asset_id in touched if not assets.paths_of(connection, owner, asset_id)]
    assets.delete_assets(connection, owner, lost)
    assets.refresh(connection, owner, [asset_id for asset_id in touched if asset_id not in lost])
    return lost, list(files)


def asset_line(
    asset: Asset, paths: Sequence[AssetPath], state: AssetState, words: WordCounts
) -> dict[str, Any]:
    """An asset as lists show it."""
    facts = asset.facts
    return {
        "asset_id": asset.asset_id,
        "path": paths[0].path if paths else None,
        "paths": [path.path for path in paths],
        "kind": str(facts.kind),
        "state": str(state),
        "duration": seconds(facts.duration_us),
        "width": facts.width,
        "height": facts.height,
        "size_bytes": asset.size_bytes,
        "title": asset.title,
        "taken_at": asset.taken_at.isoformat(),
        "taken_at_corrected": asset.is_time_corrected,
        "note": asset.note,
        "words": asdict(words),
    }


def _facts(asset: Asset) -> dict[str, Any]:
    facts = asdict(asset.facts)
    facts["captured_at"] = None if asset.facts.captured_at is None else asset.facts.captured_at.isoformat()
    kept = ("container", "video_codec", "audio_codec", "rotation", "frame_rate", "interlaced", "transfer",
            "captured_at", "camera", "latitude", "longitude")  # fmt: skip
    return {name: facts[name] for name in kept} | {
        "content_hash": asset.content_hash,
        "audio_offset": None if facts["audio_offset_us"] is None else seconds(facts["audio_offset_us"]),
        "video_offset": None if facts["video_offset_us"] is None else seconds(facts["video_offset_us"]),
    }


def _scene(tools: Tools, scene: Scene, keyframes: Sequence[Keyframe]) -> dict[str, Any]:
    return {
        "scene_id": scene.scene_id,
        "start": seconds(scene.start_us),
        "end": seconds(scene.end_us),
        "motion": asdict(scene.motion),
        "keyframes": [
            {
                "keyframe_id": keyframe.keyframe_id,
                "at": seconds(keyframe.at_us),
                "quality": None if keyframe.quality is None else keyframe.quality.quality_score,
                "frame_quality": None if keyframe.quality is None else asdict(keyframe.quality),
                "thumbnail": tools.derived.place(keyframe.thumbnail.key),
                "frame": tools.derived.place(keyframe.frame.key),
            }
            for keyframe in keyframes
        ],
    }


def _run(run: StageRun) -> dict[str, Any]:
    return {
        "stage": run.stage,
        "model_id": run.model_id,
        "version": run.version,
        "state": str(run.state),
        "rows": run.row_count,
        "attempt": run.attempt,
        "started_at": run.started_at and run.started_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
        "duration_ms": run.duration_ms,
        "error": run.error,
    }
