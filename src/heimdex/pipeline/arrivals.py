"""Files that come, stay, move and go: what a walk meets against what is on record."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import Asset, Facts, FileStamp, KnownFile
from heimdex.entities.objects import is_object
from heimdex.errors import HeimdexError, UnreadableFile
from heimdex.pipeline.tools import Tools
from heimdex.store import assets


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """An asset on its way through the flow, with the path it is read from."""

    asset: Asset
    stamp: FileStamp
    arrival: str  # new | moved | duplicate | unchanged


@dataclass(frozen=True, kw_only=True, slots=True)
class Sorted:
    """The files of a walk: to be examined, known and unchanged, or refused before and unchanged."""

    arriving: tuple[FileStamp, ...]
    unchanged: tuple[Item, ...]
    refused: tuple[KnownFile, ...]


class Arrivals:
    """The record of paths, and how it follows the disk."""

    def __init__(self, tools: Tools, only: Sequence[bytes] | None = None) -> None:
        """The whole record, or that of some paths `only`."""
        self.tools = tools
        self.owner = tools.owner
        self._only = only
        self.known: dict[bytes, KnownFile] = self._run(lambda c: assets.known_files(c, self.owner, only))

    def sort(self, stamps: Iterable[FileStamp], *, retry: bool) -> Sorted:
        """Compare by size and modification time. With `retry`, what was refused is looked at again."""
        arriving: list[FileStamp] = []
        same: list[tuple[FileStamp, str]] = []
        refused: list[KnownFile] = []
        for stamp in stamps:
            file = self.known.get(stamp.path)
            if file is None or file.stamp != stamp:
                arriving.append(stamp)
            elif file.asset_id is not None:
                same.append((stamp, file.asset_id))
            elif retry or file.stage == "read":  # rights can change without a trace on the file
                arriving.append(stamp)
            else:
                refused.append(file)
        found = self._assets({asset_id for _, asset_id in same})
        unchanged = []
        for stamp, asset_id in same:
            if asset_id in found:
                unchanged.append(Item(asset=found[asset_id], stamp=stamp, arrival="unchanged"))
            else:
                arriving.append(stamp)
        self._welcome_back([item for item in unchanged if self.known[item.stamp.path].state == "missing"])
        return Sorted(arriving=tuple(arriving), unchanged=tuple(unchanged), refused=tuple(refused))

    def register(self, stamp: FileStamp, content_hash: str, facts: Facts) -> Item:
        """Enter a file under its content; paths of that content that are gone make it a move."""

        def write(connection: Connection[Any]) -> tuple[Asset, str, Sequence[str]]:
            before = assets.find_by_hash(connection, self.owner, content_hash)
            paths = [] if before is None else assets.paths_of(connection, self.owner, before)
            others = [path.path_bytes for path in paths if path.path_bytes != stamp.path]
            gone = [path for path in others if not is_object(path) and not os.path.lexists(path)]
            entered = assets.register(connection, self.owner, stamp, content_hash, facts, gone)
            asset = assets.get_assets(connection, self.owner, [entered.asset_id])[0]
            return asset, entered.arrival, entered.dropped

        asset, arrival, dropped = self._run(write)
        self._remove_derived(dropped)
        return Item(asset=asset, stamp=stamp, arrival=arrival)

    def refuse(self, stamp: FileStamp, error: HeimdexError) -> str:
        """Record why a file could not be taken. Returns the stage it failed in."""
        stage = "read" if isinstance(error, UnreadableFile) else "examine"
        self._remove_derived(
            self._run(lambda c: assets.refuse(c, self.owner, stamp, stage=stage, error=str(error)))
        )
        return stage

    def mark_missing(self, roots: Sequence[bytes], stamps: Iterable[FileStamp]) -> int:
        """Mark what stood below the roots and is no longer there. Returns how many files."""
        seen = {stamp.path for stamp in stamps}
        # An upload lies below no folder: it is missing only where it was asked for by itself.
        below = [
            root + b"/" if is_object(root) else os.path.abspath(root).rstrip(b"/") + b"/" for root in roots
        ]
        gone = [
            file
            for path, file in self.known.items()
            if path not in seen
            and file.state != "missing"
            and any((path + b"/").startswith(root) for root in below)
            and (is_object(path) or not os.path.lexists(path))
        ]
        if not gone:
            return 0

        def write(connection: Connection[Any]) -> int:
            # A file may have been found elsewhere meanwhile.
            still = assets.known_files(connection, self.owner, self._only)
            lost = [file for file in gone if file.asset_id is not None and file.stamp.path in still]
            ids = sorted({file.asset_id for file in lost if file.asset_id is not None})
            assets.mark_missing(connection, self.owner, [file.stamp.path for file in lost], ids)
            assets.forget(connection, self.owner, [f.stamp.path for f in gone if f.asset_id is None])
            return len(lost)

        count: int = self._run(write)
        return count

    def sweep(self) -> None:
        """Remove derived files of assets that are gone (a process killed while it removed them)."""
        # Folders first: whatever has one now had its row before. The other order would race a new asset.
        folders = [asset_id for asset_id, _ in self.tools.derived.assets()]
        known = self._run(lambda c: assets.list_ids(c, self.owner))
        self._remove_derived([asset_id for asset_id in folders if asset_id not in known])

    def is_there(self, item: Item) -> bool:
        """Whether the asset still exists (it may have been removed meanwhile)."""
        return bool(self._assets([item.asset.asset_id]))

    def _welcome_back(self, items: Sequence[Item]) -> None:
        if items:
            paths = [item.stamp.path for item in items]
            ids = sorted({item.asset.asset_id for item in items})
            self._run(lambda c: assets.mark_present(c, self.owner, paths, ids))

    def _assets(self, asset_ids: Iterable[str]) -> dict[str, Asset]:
        wanted = sorted(asset_ids)
        found = self._run(lambda c: assets.get_assets(c, self.owner, wanted))
        return {asset.asset_id: asset for asset in found}

    def _remove_derived(self, asset_ids: Iterable[str]) -> None:
        for asset_id in asset_ids:
            self.tools.derived.remove_asset(asset_id)

    def _run(self, work: Any) -> Any:
        return self.tools.database.run(self.owner, work)
