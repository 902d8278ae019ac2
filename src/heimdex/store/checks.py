"""What `verify` reads: pages of assets and, for each page, whatever in their rows cannot be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities import FileStamp, Values
from heimdex.store.claims import claim_number
from heimdex.store.sql import queries
from heimdex.store.vectors import from_text

SQL = queries("verify")
_UNSIGNED = 0xFFFF_FFFF_FFFF_FFFF  # pg_locks shows the two halves of a lock without its sign


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedAsset:
    """An asset as its row has it. `mistimed`: it is filed under another time than it says it was taken."""

    asset_id: str
    kind: str
    present: bool
    content_hash: str
    size_bytes: int
    mistimed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A line of the ledger. `model` is the name of its model, None where no model has that id."""

    asset_id: str
    stage: str
    model_id: int
    model: str | None
    version: int
    state: str
    content_hash: str
    row_count: int
    attempt: int
    finished: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneFlaw:
    """A scene with at least one of the flaws that are flags here; the one before ends at `before_us`."""

    asset_id: str
    scene_id: str
    position: int
    start_us: int
    before_id: str | None
    before_us: int | None
    expected: int  # the position it should have
    misplaced: bool
    torn: bool
    impossible: bool
    restless: bool
    surplus: bool
    bare: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyframeFlaw:
    """A kept frame with at least one of the flaws that are flags here."""

    asset_id: str
    scene_id: str
    keyframe_id: str
    position: int
    start_us: int
    rank: int
    expected: int  # the rank it should have
    misranked: bool
    outside: bool
    astray: bool
    unjudged: bool
    misnamed: bool
    frame_key: str
    thumbnail_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingVector:
    """A kept frame without a vector in a space of a model that is done."""

    asset_id: str
    scene_id: str
    keyframe_id: str
    position: int
    start_us: int
    rank: int
    model_id: int
    space: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VectorFlaw:
    """A vector with at least one flaw. `record` names the fields of its metadata that are wrong."""

    asset_id: str
    scene_id: str
    keyframe_id: str
    position: int
    start_us: int
    rank: int
    model_id: int
    space: str
    unrecorded: bool
    absent: bool
    misshapen: bool
    stretched: bool
    altered: bool
    astray: bool
    record: tuple[str, ...]
    frame_key: str
    frame_path: str | None  # what the metadata says instead of `frame_key`
    checksum: str | None  # of the values as they were written
    actual: str | None  # of the values there are


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedPath:
    """A path that leads to an asset, as the record has it."""

    asset_id: str
    stamp: FileStamp
    text: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFiles:
    """A kept frame and its thumbnail, as the rows have them."""

    asset_id: str
    scene_id: str
    keyframe_id: str
    position: int
    start_us: int
    rank: int
    width: int
    height: int
    frame_key: str
    frame_sha256: str
    frame_bytes: int
    thumbnail_key: str
    thumbnail_sha256: str
    thumbnail_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenTable:
    """A table with an owner in its rows that does not keep them apart."""

    name: str
    secured: bool
    forced: bool
    sound: bool  # has the policy it should have
    unsound: tuple[str, ...]  # policies it should not have


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some assets, all that was read about them, in one state of the database.

    `stored` counts rows by (asset, "scenes" | "keyframes" | "picture", model); `claimed` are those some
    process works on, and `fingerprints` tell whether one does before the checks are through.
    """

    assets: tuple[CheckedAsset, ...]
    claimed: frozenset[str]
    fingerprints: dict[str, str]
    ledger: tuple[Entry, ...]
    stored: dict[tuple[str, str, int], int]
    scenes: tuple[SceneFlaw, ...]
    keyframes: tuple[KeyframeFlaw, ...]
    missing: tuple[MissingVector, ...]
    vectors: tuple[VectorFlaw, ...]
    paths: tuple[CheckedPath, ...]
    words: dict[str, frozenset[str]]


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
