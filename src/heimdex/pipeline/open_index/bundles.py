"""The tables of an open index side by side: everything of one asset at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heimdex.errors import ArchiveFault
from heimdex.pipeline.open_index.manifest import FORMS, Manifest
from heimdex.pipeline.open_index.rows import Row
from heimdex.pipeline.open_index.tables import TABLES, Table

_NAMING = ("asset_id", "scene_id", "keyframe_id", "utterance_id", "line_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """An asset with all its rows, by table."""

    rows: Mapping[str, list[Row]]

    @property
    def asset(self) -> Row:
        """Its row."""
        return self.rows["assets"][0]

    @property
    def asset_id(self) -> str:
        """Its id."""
        return str(self.asset["asset_id"])

    def ids(self) -> set[str]:
        """Every id in it."""
        named = ("assets", "scenes", "keyframes", "utterances", "text_lines")
        return {row[name] for table in named for row in self.rows[table] for name in _NAMING if name in row}

    def with_rows(self, table: str, rows: list[Row]) -> Bundle:
        """The same with other rows of a table."""
        return replace(self, rows={**self.rows, table: rows})

    def with_ids(self, new: Mapping[str, str]) -> Bundle:
        """The same under other ids."""
        return replace(
            self, rows={table: [_renamed(row, new) for row in rows] for table, rows in self.rows.items()}
        )


def bundles(folder: Path, manifest: Manifest) -> tuple[list[Row], Iterator[Bundle]]:
    """The paths that lead to no asset, and the assets in order. Raises ArchiveFault for rows out of order."""
    streams = {table.name: _Stream(folder, manifest, table) for table in TABLES}
    refused = streams["files"].take(None)
    return refused, _each(streams)


def _each(streams: dict[str, _Stream]) -> Iterator[Bundle]:
    leading = streams.pop("assets")
    while leading.next is not None:
        asset_id = leading.next["asset_id"]
        assets = leading.take(asset_id)
        if len(assets) != 1:
            raise ArchiveFault(f"the asset {asset_id} stands {len(assets)} times in {leading.name}")
        yield Bundle(rows={"assets": assets} | {name: one.take(asset_id) for name, one in streams.items()})
    for stream in streams.values():
        stream.end()


class _Stream:
    """The rows of a table with a look at the next one."""

    def __init__(self, folder: Path, manifest: Manifest, table: Table) -> None:
        path = manifest.file(folder, table.name)
        self.name = path.name
        self._rows: Iterator[Row] = FORMS[manifest.form].read(path, table)
        self._last = ""
        self.next: Row | None = None
        self._step()

    def take(self, asset_id: str | None) -> list[Row]:
        """The rows of an asset, which have to be the next ones."""
        found: list[Row] = []
        while self.next is not None and self.next["asset_id"] == asset_id:
            found.append(self.next)
            self._step()
        if asset_id is not None and self.next is not None and (self.next["asset_id"] or "") < asset_id:
            raise ArchiveFault(f"{self.name} holds rows of {self.next['asset_id']}, which is no asset")
        return found

    def end(self) -> None:
        """Nothing may be left."""
        if self.next is not None:
            raise ArchiveFault(f"{self.name} holds rows of {self.next['asset_id']}, which is no asset")

    def _step(self) -> None:
        self.next = next(self._rows, None)
        if self.next is not None:
            asset_id = self.next["asset_id"] or ""
            if asset_id < self._last:
                raise ArchiveFault(f"{self.name} is not sorted by asset_id")
            self._last = asset_id


def _renamed(row: Row, new: Mapping[str, str]) -> dict[str, Any]:
    return row | {name: new[row[name]] for name in _NAMING if name in row and row[name] is not None}
