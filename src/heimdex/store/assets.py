"""Assets and the paths that lead to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from heimdex.entities import Asset, Facts, FileStamp, Kind, KnownFile, new_id
from heimdex.store.sql import queries

SQL = queries("assets")
FILES = queries("files")
_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetPath:
    """One path of an asset; `state` is present or missing."""

    path_bytes: bytes
    path: str
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """What a file turned out to be: `new`, `unchanged`, `moved`, or a `duplicate` of a content there is."""

    asset_id: str
    arrival: str
    dropped: tuple[str, ...] = ()  # assets that lost their last path to this one, and are gone


def path_words(path: str) -> list[str]:
    """The distinct words of a path: NFKC, case-folded; `clip01` is also `clip` and `01`."""
    words: dict[str, None] = {}
    for word in _WORD.findall(unicodedata.normalize("NFKC", path).casefold()):
        words[word] = None
        for part in _PART.findall(word):
            words[part] = None
    return [word for word in words if len(word) <= 200]


def known_files(
    connection: Connection[Any], owner: str, only: Sequence[bytes] | None = None
) -> dict[bytes, KnownFile]:
    """Every path on record, or `only` some."""
    if only is None:
        rows = connection.execute(FILES["known_files"], {"owner": owner})
    else:
        rows = connection.execute(FILES["known_files_of_paths"], {"owner": owner, "paths": list(only)})
    return {
        bytes(path): KnownFile(
            stamp=FileStamp(path=bytes(path), size_bytes=size, modified_ns=modified),
            asset_id=asset,
            state=state,
            stage=stage,
            error=error,
        )
        for path, asset, state, size, modified, stage, error in rows
    }


def register(
    connection: Connection[Any],
    owner: str,
    stamp: FileStamp,
    content_hash: str,
    facts: Facts,
    gone: Sequence[bytes] = (),
) -> Registration:
    """Enter a file under its content. `gone` are paths of that content that no longer exist."""
    asset_id, is_new = _find_or_enter(connection, owner, stamp, content_hash, facts)
    arrival = "new" if is_new else "moved" if gone else "duplicate"
    before = _asset_of_path(connection, owner, stamp.path)
    if before == asset_id and arrival != "new":
        arrival = "unchanged"
    if gone:
        connection.execute(FILES["forget_files"], {"owner": owner, "paths": list(gone)})
    connection.execute(
        FILES["upsert_file"],
        {
            "owner": owner,
            "path_bytes": stamp.path,
            "path": _storable(stamp.text),
            "asset": asset_id,
            "size": stamp.size_bytes,
            "modified": stamp.modified_ns,
        },
    )
    refresh(connection, owner, [asset_id])
    dropped = () if before in (None, asset_id) else _lost_path(connection, owner, str(before))
    return Registration(asset_id=asset_id, arrival=arrival, dropped=dropped)


def _find_or_enter(
    connection: Connection[Any], owner: str, stamp: FileStamp, content_hash: str, facts: Facts
) -> tuple[str, bool]:
    """The asset of a content, held for this transaction, and whether it is new."""
    key = {"owner": owner, "content_hash": bytes.fromhex(content_hash)}
    columns = _fact_columns(facts, stamp) | key | {"size": stamp.size_bytes}
    while True:
        row = connection.execute(SQL["insert_asset"], columns | {"asset": new_id()}).fetchone()
        if row is not None:
            return str(row[0]), True
        row = connection.execute(SQL["hold_asset_by_hash"], key).fetchone()
        if row is not None:  # else the asset that stopped the insert was removed meanwhile
            return str(row[0]), False


def find_by_hash(connection: Connection[Any], owner: str, content_hash: str) -> str | None:
    """The asset that has this content."""
    row = connection.execute(
        SQL["find_asset_by_hash"], {"owner": owner, "content_hash": bytes.fromhex(content_hash)}
    ).fetchone()
    return None if row is None else str(row[0])


def update_facts(
    connection: Connection[Any], owner: str, asset_id: str, facts: Facts, stamp: FileStamp
) -> None:
    """Write the facts of an asset anew."""
    connection.execute(SQL["update_facts"], _fact_columns(facts, stamp) | {"owner": owner, "asset": asset_id})


def refuse(
    connection: Connection[Any], owner: str, stamp: FileStamp, *, stage: str, error: str
) -> tuple[str, ...]:
    """Record that a path could not become an asset, and why. Returns the asset that lost its last path."""
    before = _asset_of_path(connection, owner, stamp.path)
    connection.execute(
        FILES["refuse_file"],
        {
            "owner": owner,
            "path_bytes": stamp.path,
            "path": _storable(stamp.text),
            "size": stamp.size_bytes,
            "modified": stamp.modified_ns,
            "stage": stage,
            "error": _storable(error),
        },
    )
    return () if before is None else _lost_path(connection, owner, before)


def mark_missing(
    connection: Connection[Any], owner: str, paths: Sequence[bytes], assets: Sequence[str]
) -> None:
    """Paths that vanished are kept and no longer shown."""
    connection.execute(FILES["mark_missing"], {"owner": owner, "paths": list(paths)})
    _refresh_presence(connection, owner, assets)


def mark_present(
    connection: Connection[Any], owner: str, paths: Sequence[bytes], assets: Sequence[str]
) -> None:
    """Paths that came back unchanged."""
    connection.execute(FILES["mark_present"], {"owner": owner, "paths": list(paths)})
    _refresh_presence(connection, owner, assets)


def forget(connection: Connection[Any], owner: str, paths: Sequence[bytes]) -> None:
    """Take paths off the record (refusals that vanished)."""
    connection.execute(FILES["forget_files"], {"owner": owner, "paths": list(paths)})


def refresh(connection: Connection[Any], owner: str, assets: Sequence[str]) -> None:
    """Derive presence and path words of some assets from their paths."""
    _refresh_presence(connection, owner, assets)
    for asset_id in assets:
        words: dict[str, None] = {}
        for path in paths_of(connection, owner, asset_id):
            words |= dict.fromkeys(path_words(path.path))
        connection.execute(FILES["delete_path_words"], {"owner": owner, "asset": asset_id})
        connection.execute(
            FILES["insert_path_words"], {"owner": owner, "asset": asset_id, "words": list(words)}
        )


def paths_of(connection: Connection[Any], owner: str, asset_id: str) -> tuple[AssetPath, ...]:
    """The paths of one asset, those that are there first."""
    rows = connection.execute(FILES["files_of_asset"], {"owner": owner, "asset": asset_id})
    return tuple(AssetPath(path_bytes=bytes(raw), path=path, state=state) for raw, path, state in rows)


def all_paths(connection: Connection[Any], owner: str) -> dict[str, list[AssetPath]]:
    """The paths of every asset."""
    found: dict[str, list[AssetPath]] = {}
    for asset_id, raw, path, state in connection.execute(SQL["list_paths"], {"owner": owner}):
        found.setdefault(asset_id, []).append(AssetPath(path_bytes=bytes(raw), path=path, state=state))
    return found


def get_assets(connection: Connection[Any], owner: str, asset_ids: Iterable[str]) -> list[Asset]:
    """Assets by id; unknown ids are left out."""
    rows = connection.execute(SQL["get_assets"], {"owner": owner, "assets": list(asset_ids)})
    return [asset_of(row) for row in rows]


def list_assets(connection: Connection[Any], owner: str) -> list[Asset]:
    """All assets, oldest first."""
    return [asset_of(row) for row in connection.execute(SQL["list_assets"], {"owner": owner})]


def list_ids(connection: Connection[Any], owner: str) -> set[str]:
    """Every asset's id."""
    return {str(row[0]) for row in connection.execute(SQL["list_asset_ids"], {"owner": owner})}


def delete_assets(connection: Connection[Any], owner: str, asset_ids: Sequence[str]) -> None:
    """Delete assets and all rows derived from them."""
    connection.execute(SQL["delete_assets"], {"owner": owner, "assets": list(asset_ids)})


def set_note(connection: Connection[Any], owner: str, asset_id: str, note: str | None) -> None:
    """Say what the decoder had to go round."""
    connection.execute(SQL["set_note"], {"owner": owner, "asset": asset_id, "note": note and _storable(note)})


def set_title(connection: Connection[Any], owner: str, asset_id: str, title: str | None) -> None:
    """Say what people call it; None takes that back."""
    connection.execute(SQL["set_title"], {"owner": owner, "asset": asset_id, "title": title})


def correct_time(connection: Connection[Any], owner: str, asset_id: str, at: datetime | None) -> None:
    """Say when it was taken; None takes that back, and it is filed as its file says."""
    connection.execute(SQL["correct_time"], {"owner": owner, "asset": asset_id, "at": at})


def refused_files(connection: Connection[Any], owner: str) -> list[tuple[str, str, str]]:
    """(path, stage, error) of everything that could not be indexed."""
    return [
        (path, stage, error)
        for path, stage, error in connection.execute(FILES["refused_files"], {"owner": owner})
    ]


def count_library(connection: Connection[Any], owner: str) -> dict[str, int]:
    """How much there is: assets, missing, refused, scenes, keyframes, duration_us."""
    cursor = connection.execute(SQL["count_library"], {"owner": owner})
    row = cursor.fetchone()
    assert row is not None
    assert cursor.description is not None
    return {column.name: int(value) for column, value in zip(cursor.description, row, strict=True)}


def count_kinds(connection: Connection[Any], owner: str) -> dict[str, int]:
    """Assets by kind."""
    return dict(connection.execute(SQL["count_kinds"], {"owner": owner}))


def _lost_path(connection: Connection[Any], owner: str, asset_id: str) -> tuple[str, ...]:
    """After a path was taken from an asset: an asset without any path left is deleted."""
    if paths_of(connection, owner, asset_id):
        refresh(connection, owner, [asset_id])
        return ()
    delete_assets(connection, owner, [asset_id])
    return (asset_id,)


def _refresh_presence(connection: Connection[Any], owner: str, assets: Sequence[str]) -> None:
    connection.execute(FILES["refresh_presence"], {"owner": owner, "assets": list(assets)})


def _asset_of_path(connection: Connection[Any], owner: str, path: bytes) -> str | None:
    row = connection.execute(FILES["asset_of_path"], {"owner": owner, "path_bytes": path}).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def _storable(text: str) -> str:
    """PostgreSQL's text holds no NUL and no lone surrogates."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _fact_columns(facts: Facts, stamp: FileStamp) -> dict[str, Any]:
    columns = asdict(facts)
    columns["kind"] = str(facts.kind)
    modified = datetime.fromtimestamp(min(max(stamp.modified_ns / 1e9, 0), 4e9), UTC)
    columns["taken_at"] = facts.captured_at or modified
    for name in ("container", "video_codec", "audio_codec", "camera", "transfer"):
        columns[name] = columns[name] and _storable(columns[name])
    return columns


def asset_of(row: Sequence[Any]) -> Asset:
    """An asset out of a row with the columns of `list_assets`."""
    asset_id, content_hash, size, present, note, title, is_corrected, *facts = row
    names = (
        "kind", "container", "video_codec", "audio_codec", "width", "height", "rotation", "duration_us",
        "frame_rate", "zero_us", "video_offset_us", "audio_offset_us", "interlaced", "transfer",
        "clock_breaks", "captured_at", "taken_at", "camera", "latitude", "longitude",
    )  # fmt: skip
    columns = dict(zip(names, facts, strict=True))
    taken_at = columns.pop("taken_at")
    columns["kind"] = Kind(columns["kind"])
    return Asset(
        asset_id=asset_id,
        content_hash=content_hash,
        size_bytes=size,
        present=present,
        note=note,
        title=title,
        is_time_corrected=is_corrected,
        taken_at=taken_at,
        facts=Facts(**columns),
    )
