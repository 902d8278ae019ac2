"""An open index comes in: proved first as a whole, then asset by asset, each in a transaction of its own.

The content decides: an asset whose content the owner has already stays as it is, so that an import that was
interrupted goes on when it is run again. Ids are kept where they are free, else the asset gets new ones.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from heimdex.entities import new_id
from heimdex.errors import ArchiveFault
from heimdex.pipeline.flow import TEXT
from heimdex.pipeline.models import index_large_spaces
from heimdex.pipeline.open_index import manifest
from heimdex.pipeline.open_index.bundles import Bundle, bundles
from heimdex.pipeline.open_index.manifest import FRAMES, Manifest
from heimdex.pipeline.open_index.model_keys import ModelKeys
from heimdex.pipeline.open_index.rows import Row, to_database
from heimdex.pipeline.open_index.tables import BY_NAME, TABLES
from heimdex.pipeline.open_index.taking_out import frame_names
from heimdex.pipeline.scene_texts import sources_of
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.wording import index_large_texts
from heimdex.store import assets, lexicon, open_rows, wordings
from heimdex.store.derived import sha256_of
from heimdex.store.lexicon.stems import Stems

FAULTS_TOLD = 10
_ATTEMPT = re.compile(r"/(\d{1,9})/[^/]*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportReport:
    """What an import did. `known` assets were there already, `superseded` lost all their paths to others."""

    imported: int
    known: int
    superseded: int
    renamed: int  # of the imported, those that got new ids
    refused_paths: int
    frames: bool


def import_index(tools: Tools, folder: Path) -> ImportReport:
    """Bring an open index into the owner's library.

    Raises ArchiveFault before anything is written where a file is damaged, missing or of a newer format.
    """
    found = manifest.read(folder)
    faults = [*manifest.faults(folder, found), *_frame_faults(folder, found)]
    if faults:
        more = f" … and {len(faults) - FAULTS_TOLD} more" if len(faults) > FAULTS_TOLD else ""
        raise ArchiveFault(
            f"{folder} is damaged, and nothing was imported: {'; '.join(faults[:FAULTS_TOLD])}{more}"
        )
    return _Import(tools, folder, found).run()


class _Import:
    def __init__(self, tools: Tools, folder: Path, found: Manifest) -> None:
        self.tools = tools
        self.folder = folder
        self.manifest = found
        self.stems = Stems()
        self.counts = dict.fromkeys(("imported", "known", "superseded", "renamed", "refused_paths"), 0)
        self.keys: ModelKeys = tools.database.run(tools.owner, lambda c: ModelKeys.enter(c, found.models))

    def run(self) -> ImportReport:
        """Bring in every asset, then make the indexes that large spaces need."""
        refused, groups = bundles(self.folder, self.manifest)
        self._count("refused_paths", self._run(lambda c: self._paths(c, refused)))
        for bundle in groups:
            outcome = self._bring(bundle)
            for name in outcome:
                self._count(name, 1)
        for model in self.keys.models:
            index_large_spaces(self.tools, model)
        index_large_texts(self.tools)
        return ImportReport(**self.counts, frames=self.manifest.frames)

    def _bring(self, bundle: Bundle) -> tuple[str, ...]:
        """One asset, whole or not at all; what became of it.

        Frames of one that failed are left to the sweep of the next index run: another process may just have
        brought in the same.
        """

        def write(connection: Connection[Any]) -> tuple[str, ...]:
            owner, asset = self.tools.owner, bundle.asset
            if assets.find_by_hash(connection, owner, asset["content_hash"]) is not None:
                return ("known",)
            taken = open_rows.taken_paths(
                connection, owner, [row["path_bytes"] for row in bundle.rows["files"]]
            )
            paths = [row for row in bundle.rows["files"] if row["path_bytes"] not in taken]
            if taken and not paths:
                return ("superseded",)
            mine = bundle.with_rows("files", paths)
            renamed = open_rows.has_any_of(connection, owner, list(mine.ids()))
            if renamed:
                mine = mine.with_ids({old: new_id() for old in mine.ids()})
            if self.manifest.frames:
                self._copy_frames(bundle, mine)
            self._write(connection, mine)
            return ("imported", "renamed") if renamed else ("imported",)

        found: tuple[str, ...] = self._run(write)
        return found

    def _write(self, connection: Connection[Any], bundle: Bundle) -> None:
        owner, asset_id = self.tools.owner, bundle.asset_id
        for table in TABLES:
            rows = (self._here(table.name, row) for row in bundle.rows[table.name])
            stored = (self.keys.translate(table.name, to_database(table, row)) for row in rows)
            open_rows.write_rows(connection, owner, table.name, stored)
        assets.refresh(connection, owner, [asset_id])
        if any(row["stage"] == TEXT.name for row in bundle.rows["ledger"]):
            sources = sources_of(wordings.wording_of(connection, owner, asset_id))
            terms = {source.scene.scene_id: source.terms() for source in sources}
            lexicon.replace_terms(connection, owner, asset_id, terms, self.stems)

    def _here(self, table: str, row: Row) -> Row:
        """A row as it is in this home: keys of kept frames name the owner, and what ran there does not."""
        if table == "keyframes":
            frame, thumbnail = self._targets(row)
            key = self.tools.derived.key
            return row | {"frame_key": key(frame), "thumbnail_key": key(thumbnail)}
        if table == "vectors" and "frame_path" in row["metadata"]:
            stem = f"{row['keyframe_id']}.jpg"
            folder = self._attempt_folder(row["asset_id"], str(row["metadata"]["frame_path"]))
            return row | {"metadata": row["metadata"] | {"frame_path": self.tools.derived.key(folder / stem)}}
        if table == "ledger" and row["state"] == "running":
            return row | {"state": "pending"}
        return row

    def _targets(self, row: Row) -> tuple[Path, Path]:
        names = frame_names(row)
        folder = self._attempt_folder(row["asset_id"], row["frame_key"])
        return folder / names["frame"], folder / names["thumbnail"]

    def _attempt_folder(self, asset_id: str, key: str) -> Path:
        attempt = _ATTEMPT.search(key)
        if attempt is None:
            raise ArchiveFault(f"{key!r} of asset {asset_id} is no key of a kept frame")
        return self.tools.derived.attempt_folder(asset_id, int(attempt[1]))

    def _copy_frames(self, given: Bundle, mine: Bundle) -> None:
        for before, after in zip(given.rows["keyframes"], mine.rows["keyframes"], strict=True):
            sources = (self.folder / FRAMES / given.asset_id / name for name in frame_names(before).values())
            for source, target in zip(sources, self._targets(after), strict=True):
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    def _paths(self, connection: Connection[Any], rows: list[Row]) -> int:
        """Paths that lead to no asset: what was refused, and why."""
        owner = self.tools.owner
        taken = open_rows.taken_paths(connection, owner, [row["path_bytes"] for row in rows])
        mine = [row for row in rows if row["path_bytes"] not in taken]
        stored = (to_database(BY_NAME["files"], row) for row in mine)
        open_rows.write_rows(connection, owner, "files", stored)
        return len(mine)

    def _count(self, name: str, by: int) -> None:
        self.counts[name] += by

    def _run(self, work: Any) -> Any:
        return self.tools.database.run(self.tools.owner, work)


def _frame_faults(folder: Path, found: Manifest) -> Iterator[str]:
    """What is wrong with ids, and with kept frames and thumbnails where they are with the index."""
    file = found.file(folder, "keyframes")
    if not file.is_file():
        return  # told already
    try:
        for row in manifest.FORMS[found.form].read(file, BY_NAME["keyframes"]):
            if not all(_is_plain_id(row[name]) for name in ("asset_id", "keyframe_id")):
                yield f"{file.name}: {row['keyframe_id']!r} of {row['asset_id']!r} are no ids"
            elif found.frames:
                yield from _file_faults(folder / FRAMES / row["asset_id"], row)
    except ArchiveFault as error:
        yield str(error)


def _file_faults(folder: Path, row: Row) -> Iterator[str]:
    for kind, name in frame_names(row).items():
        path = folder / name
        if not path.is_file():
            yield f"{FRAMES}/{folder.name}/{name} is missing"
        elif sha256_of(path) != row[f"{kind}_sha256"]:
            yield f"{FRAMES}/{folder.name}/{name}: its checksum differs"


def _is_plain_id(text: object) -> bool:
    """Whether it is written as an id is here: nothing else may become part of a path."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False
