"""What `verify` reads: pages of assets and, for each page, whatever in their rows cannot be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection

from heimdex.entities import FileStamp, Values
from heimdex.store.checked import (
    CheckedAsset,
    CheckedPath,
    Entry,
    KeptFiles,
    KeyframeFlaw,
    MissingIndex,
    MissingVector,
    OpenTable,
    Page,
    SceneFlaw,
    VectorFlaw,
)
from heimdex.store.claims import claim_number
from heimdex.store.migrate import migrations
from heimdex.store.sql import queries
from heimdex.store.vectors import from_text

SQL = queries("verify")
_CREATE_INDEX = re.compile(r"^CREATE (?:UNIQUE )?INDEX (?P<name>\w+) ON [^;]+;", re.MULTILINE)
_UNSIGNED = 0xFFFF_FFFF_FFFF_FFFF  # pg_locks shows the two halves of a lock without its sign


def last_asset(connection: Connection[Any], owner: str) -> str | None:
    """The newest asset; None where there is none."""
    row = connection.execute(SQL["last_asset"], {"owner": owner}).fetchone()
    return None if row is None else str(row[0])


def read_page(
    connection: Connection[Any],
    owner: str,
    after: str | None,
    last: str,
    *,
    limit: int,
    claim_key: Callable[[str], str],
) -> Page | None:
    """The next assets and what is wrong with their rows; None after the last. `claim_key` is what a claim on
    an asset is called. Wants a read-only transaction, so that all of it is one state of the database.
    """
    rows = connection.execute(
        SQL["page_of_assets"], {"owner": owner, "after": after, "last": last, "limit": limit}
    )
    found = tuple(CheckedAsset(**_named(CheckedAsset, row)) for row in rows)
    if not found:
        return None
    ids = [asset.asset_id for asset in found]
    parameters = {"owner": owner, "assets": ids}

    def read(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(SQL[query], parameters).fetchall()

    return Page(
        assets=found,
        claimed=claimed(connection, {claim_key(asset_id): asset_id for asset_id in ids}),
        fingerprints=fingerprints(connection, owner, ids),
        ledger=tuple(Entry(**_named(Entry, row)) for row in read("ledger")),
        stored={(asset_id, what, model): count for asset_id, what, model, count in read("stored_rows")},
        scenes=tuple(SceneFlaw(**_named(SceneFlaw, row)) for row in read("scene_flaws")),
        keyframes=tuple(KeyframeFlaw(**_named(KeyframeFlaw, row)) for row in read("keyframe_flaws")),
        missing=tuple(MissingVector(**_named(MissingVector, row)) for row in read("missing_vectors")),
        vectors=tuple(_vector_flaw(row) for row in read("vector_flaws")),
        paths=tuple(_path(row) for row in read("paths")),
        words={asset_id: frozenset(words) for asset_id, words in read("path_words")},
    )


def fingerprints(connection: Connection[Any], owner: str, asset_ids: Iterable[str]) -> dict[str, str]:
    """What any work on an asset changes, digested; assets that are gone are left out."""
    rows = connection.execute(SQL["fingerprints"], {"owner": owner, "assets": list(asset_ids)})
    return dict(rows)


def claimed(connection: Connection[Any], keys: Mapping[str, str]) -> frozenset[str]:
    """Those of the values whose key some living process claims."""
    held = {classid << 32 | objid for classid, objid in connection.execute(SQL["claim_numbers"])}
    return frozenset(value for key, value in keys.items() if claim_number(key) & _UNSIGNED in held)


def kept_files(connection: Connection[Any], owner: str, asset_ids: Iterable[str]) -> list[KeptFiles]:
    """The kept frames of some assets, in order."""
    rows = connection.execute(SQL["kept"], {"owner": owner, "assets": list(asset_ids)})
    return [KeptFiles(**_named(KeptFiles, row)) for row in rows]


def values_of(
    connection: Connection[Any], owner: str, model_id: int, keyframe_ids: Iterable[str]
) -> dict[tuple[str, str], Values]:
    """The stored vectors of some kept frames by (keyframe, space), float32, shape (dim,)."""
    parameters = {"owner": owner, "model": model_id, "keyframes": list(keyframe_ids)}
    rows = connection.execute(SQL["values"], parameters)
    return {(keyframe_id, space): from_text(text) for keyframe_id, space, text in rows}


def draw_keyframes(connection: Connection[Any], owner: str, salt: str, count: int) -> frozenset[str]:
    """That many kept frames by lot, another lot for another salt."""
    rows = connection.execute(SQL["sample_keyframes"], {"owner": owner, "salt": salt, "limit": count})
    return frozenset(row[0] for row in rows)


def draw_assets(connection: Connection[Any], owner: str, salt: str, count: int) -> frozenset[str]:
    """That many assets by lot."""
    rows = connection.execute(SQL["sample_assets"], {"owner": owner, "salt": salt, "limit": count})
    return frozenset(row[0] for row in rows)


def existing_assets(connection: Connection[Any], owner: str, asset_ids: Iterable[str]) -> frozenset[str]:
    """Those of the ids that are assets."""
    rows = connection.execute(SQL["existing_assets"], {"owner": owner, "assets": list(asset_ids)})
    return frozenset(row[0] for row in rows)


def orphans(connection: Connection[Any], owner: str) -> dict[str, dict[str, int]]:
    """Rows whose parent is gone: by asset id, how many in which table."""
    found: dict[str, dict[str, int]] = {}
    for table, asset_id, count in connection.execute(SQL["orphans"], {"owner": owner}):
        found.setdefault(asset_id, {})[table] = count
    return found


def open_tables(connection: Connection[Any]) -> list[OpenTable]:
    """Tables whose rows are not kept apart by owner."""
    rows = connection.execute(SQL["open_tables"], {})
    return [
        OpenTable(name=name, secured=secured, forced=forced, sound=sound > 0, unsound=tuple(unsound))
        for name, secured, forced, sound, unsound in rows
    ]


def invalid_indexes(connection: Connection[Any]) -> list[str]:
    """Indexes that the server does not use."""
    return [row[0] for row in connection.execute(SQL["invalid_indexes"])]


def missing_indexes(connection: Connection[Any]) -> list[MissingIndex]:
    """Indexes that the schema's files make and the database lacks."""
    there = {row[0] for row in connection.execute(SQL["index_names"])}
    made = [found for migration in migrations() for found in _CREATE_INDEX.finditer(migration.statements)]
    return [
        MissingIndex(name=found["name"], statement=" ".join(found[0].split()))
        for found in made
        if found["name"] not in there
    ]


def unindexed_spaces(connection: Connection[Any], owner: str, model_id: int, limit: int) -> list[str]:
    """Names of the model's spaces with at least `limit` rows and no HNSW index."""
    parameters = {"owner": owner, "model": model_id, "limit": limit}
    return [row[1] for row in connection.execute(SQL["unindexed_spaces"], parameters)]


def totals(connection: Connection[Any], owner: str) -> dict[str, int]:
    """How much there is: assets, paths, ledger_entries, scenes, kept_frames, vectors."""
    cursor = connection.execute(SQL["totals"], {"owner": owner})
    row = cursor.fetchone()
    assert row is not None
    assert cursor.description is not None
    return {column.name: int(value) for column, value in zip(cursor.description, row, strict=True)}


def _named(kind: type[Any], row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(kind.__dataclass_fields__, row, strict=True))


def _vector_flaw(row: Sequence[Any]) -> VectorFlaw:
    named = _named(VectorFlaw, row)
    named["record"] = tuple(named["record"])
    return VectorFlaw(**named)


def _path(row: Sequence[Any]) -> CheckedPath:
    asset_id, raw, text, state, size_bytes, modified_ns = row
    stamp = FileStamp(path=bytes(raw), size_bytes=size_bytes, modified_ns=modified_ns)
    return CheckedPath(asset_id=asset_id, stamp=stamp, text=text, state=state)
