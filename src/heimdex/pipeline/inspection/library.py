"""What belongs to no asset: rows without a parent, folders of unknown assets, the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from heimdex.pipeline import models
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.files import folders
from heimdex.pipeline.inspection.subject import Model, Read
from heimdex.pipeline.tools import Tools
from heimdex.store import checks, nearest
from heimdex.store.checked import OpenTable
from heimdex.store.vectors import StoredModel, StoredSpace

FOLDERS_AT_A_TIME = 1000


def orphans(asset_id: str, tables: dict[str, int], name: str) -> Finding:
    """Rows of an asset (which need not exist) whose parent is gone; `tables` says how many in which."""
    counts = ", ".join(f"{count} in {table}" for table, count in tables.items())
    return Finding(kind=faults.ORPHANS, where=f"{name} · {counts}", asset_id=asset_id)


def check_folders(tools: Tools, read: Read) -> Iterator[Finding]:
    """Whether every folder of kept files belongs to an asset."""
    tree = tools.derived.top()
    entries = folders(tools.derived, tree)
    while batch := list(islice(entries, FOLDERS_AT_A_TIME)):
        # Folders first, then rows: whatever has a folder now had its row before.
        ids = [asset_id for asset_id, _ in batch if asset_id is not None]
        known = read(partial(checks.existing_assets, owner=tools.owner, asset_ids=ids))
        for asset_id, path in batch:
            if asset_id not in known and tree.exists(path):
                where = tools.derived.key(path)
                yield Finding(kind=faults.FOLDER_UNKNOWN, where=where, asset_id=asset_id, target=path)


def misstated_spaces(tools: Tools, stored: StoredModel) -> list[tuple[StoredSpace, int]]:
    """The model's spaces whose dimension on record is not what the model gives, with that."""
    dims = {space.name: space.dim for space in tools.model.spaces}
    return [
        (space, dims[space.space.name])
        for space in stored.spaces
        if dims.get(space.space.name, space.space.dim) != space.space.dim
    ]


def check_database(connection: Any, tools: Tools, model: Model) -> Iterator[Finding]:
    """Whether owners are kept apart, every index is there and valid, and spaces are what the model gives."""
    for table in checks.open_tables(connection):
        yield Finding(kind=faults.TABLE_OPEN, where=f"heimdex.{table.name}", detail=_closing(table))
    for name in checks.invalid_indexes(connection):
        statement = f"as the database's administrator: REINDEX INDEX heimdex.{name};"
        yield Finding(kind=faults.INDEX_INVALID, where=f"heimdex.{name}", detail=statement)
    for index in checks.missing_indexes(connection):
        statement = f"as the database's administrator: {index.statement}"
        yield Finding(kind=faults.INDEX_MISSING, where=f"heimdex.{index.name}", detail=statement)
    for name in checks.unindexed_spaces(connection, tools.owner, model.model_id, nearest.EXACT_ROWS):
        yield Finding(kind=faults.SPACE_UNINDEXED, where=f"{model.name}, {name}")
    stored = models.find(connection, tools.model)
    for space, dim in misstated_spaces(tools, stored) if stored is not None else ():
        where = f"{model.name}, {space.space.name}: {space.space.dim} instead of {dim}"
        yield Finding(kind=faults.SPACE_MISSTATED, where=where, target=(space.space_id, dim))


def _closing(table: OpenTable) -> str:
    """The statements that close a table again, for an administrator."""
    name = f"heimdex.{table.name}"
    own = "owner_id = NULLIF(current_setting('heimdex.owner', true), '')::uuid"
    statements = []
    if not table.secured:
        statements.append(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;")
    if not table.forced:
        statements.append(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY;")
    statements += [f'DROP POLICY "{policy}" ON {name};' for policy in table.unsound]
    if not table.sound:
        statements.append(f"CREATE POLICY tenant ON {name} USING ({own}) WITH CHECK ({own});")
    return "as the database's administrator: " + " ".join(statements)
