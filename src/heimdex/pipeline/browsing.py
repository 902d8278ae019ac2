"""The library page by page, and the files behind it: what a service shows to somebody who leafs through."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from heimdex.entities import DerivedFile, Hit, Keyframe, Kind, is_uuid
from heimdex.errors import NotFound, QueryError, StoreError
from heimdex.pipeline import models
from heimdex.pipeline.library import asset_line, find_asset, state_of
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, browsing, runs, word_counts
from heimdex.store.word_counts import WordCounts

log = logging.getLogger(__name__)

LARGEST_PAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetQuery:
    """Which page of which assets."""

    after: str | None = None  # the last asset of the page before
    kind: Kind | None = None
    limit: int = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """The file an asset was made from."""

    asset_id: str
    path_bytes: bytes
    path: str
    size_bytes: int
    content_hash: str  # SHA-256, hex


def page_of_assets(tools: Tools, wanted: AssetQuery) -> dict[str, Any]:
    """One page of the library: `assets` as in `library.list_assets`, and whether there are `more`.

    Raises QueryError for a page that cannot be.
    """
    if not 1 <= wanted.limit <= LARGEST_PAGE:
        raise QueryError(f"limit is {wanted.limit}; it lies between 1 and {LARGEST_PAGE}")
    if wanted.after is not None and not is_uuid(wanted.after):
        raise QueryError("the cursor is none of ours; begin again without one")
    owner = tools.owner

    def read(connection: Connection[Any]) -> dict[str, Any]:
        found = browsing.assets_page(
            connection, owner, after=wanted.after, kind=wanted.kind, limit=wanted.limit + 1
        )
        page = found[: wanted.limit]
        ids = [asset.asset_id for asset in page]
        paths = browsing.paths_of_assets(connection, owner, ids)
        words = word_counts.count_words_of_assets(connection, owner, ids)
        model = models.find(connection, tools.model)
        ledger: dict[str, list[Any]] = {asset_id: [] for asset_id in ids}
        for run in runs.runs_of(connection, owner, ids):
            ledger[run.asset_id].append(run)
        lines = [
            asset_line(
                asset,
                paths[asset.asset_id],
                state_of(connection, tools, asset, ledger[asset.asset_id], model.model_id if model else 0),
                words.get(asset.asset_id, WordCounts()),
            )
            for asset in page
        ]
        return {"assets": lines, "more": len(found) > wanted.limit}

    result: dict[str, Any] = tools.database.run(owner, read, read_only=True)
    return result


def original(tools: Tools, name: str) -> Original:
    """The file of an asset that is there now. Raises NotFound."""
    owner = tools.owner

    def read(connection: Connection[Any]) -> Original:
        asset = find_asset(connection, owner, name)
        for path in assets.paths_of(connection, owner, asset.asset_id):
            if path.state == "present":
                return Original(
                    asset_id=asset.asset_id,
                    path_bytes=path.path_bytes,
                    path=path.path,
                    size_bytes=asset.size_bytes,
                    content_hash=asset.content_hash,
                )
        raise NotFound(f"the file of asset {asset.asset_id} is gone; it can be searched no more than shown")

    found: Original = tools.database.run(owner, read, read_only=True)
    return found


def kept_frame(tools: Tools, keyframe_id: str) -> Keyframe:
    """A kept frame by its id. Raises NotFound."""
    found: Keyframe | None = tools.database.run(
        tools.owner, lambda c: browsing.keyframe(c, tools.owner, keyframe_id), read_only=True
    )
    if found is None:
        raise NotFound(f"no kept frame {keyframe_id}; an asset's scenes name theirs")
    return found


def with_thumbnails(tools: Tools, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Hits whose thumbnails can be opened here; of one that cannot be fetched there is none."""
    if not tools.derived.is_shared or not hits:
        return tuple(hits)
    ids = [hit.scene_id for hit in hits]
    best: dict[str, Keyframe] = tools.database.run(
        tools.owner, lambda c: browsing.best_keyframes(c, tools.owner, ids), read_only=True
    )
    found = {scene_id: keyframe.thumbnail for scene_id, keyframe in best.items()}
    try:
        paths = dict(zip(found, tools.derived.at_hand(list(found.values())), strict=True))
    except StoreError as error:  # what was found stands without its pictures
        log.warning("no thumbnails: %s", error)
        paths = {}
    there = {scene_id: str(path) for scene_id, path in paths.items() if path.exists()}
    return tuple(replace(hit, thumbnail=there.get(hit.scene_id)) for hit in hits)


def thumbnail_of_scene(tools: Tools, scene_id: str) -> DerivedFile:
    """The thumbnail of a scene's best frame. Raises NotFound."""
    found: Keyframe | None = tools.database.run(
        tools.owner, lambda c: browsing.best_keyframe(c, tools.owner, scene_id), read_only=True
    )
    if found is None:
        raise NotFound(f"no picture of a scene {scene_id}; scenes of sound have none")
    return found.thumbnail
