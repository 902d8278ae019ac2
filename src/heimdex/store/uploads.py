"""The rows of uploads and quotas. Steps from state to state are made only from the state before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from heimdex.entities.objects import OBJECT_SCHEME
from heimdex.entities.uploads import Upload, UploadState, UploadUsage
from heimdex.store.sql import queries

SQL = queries("uploads")
_COLUMNS = (
    "owner_id::text, upload_id::text, name, state, size_bytes, reserved_bytes, offset_bytes, "
    "declared_sha256, sha256, source_url, problem, error, object_key, asset_id::text, indexed_at, "
    "created_at, expires_at"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRow:
    """An upload to be entered. `size_bytes` None: only its end will tell."""

    upload_id: str
    name: str
    size_bytes: int | None
    reserved_bytes: int
    declared_sha256: str | None
    source_url: str | None


def lock_usage(connection: Connection[Any], owner: str) -> UploadUsage:
    """What the owner's uploads take up; nobody else reserves room for the owner until the end."""
    connection.execute(SQL["make_quota"], {"owner": owner})
    connection.execute(SQL["lock_quota"], {"owner": owner})
    return usage(connection, owner)


def usage(connection: Connection[Any], owner: str) -> UploadUsage:
    """What the owner's uploads take up; `quota_bytes` is the owner's own, None where there is none."""
    row = connection.execute(SQL["usage"], {"owner": owner}).fetchone()
    assert row is not None
    return UploadUsage(used_bytes=row[0], receiving=row[1], quota_bytes=row[2])


def set_quota(connection: Connection[Any], owner: str, quota_bytes: int | None) -> None:
    """Give the owner a quota of their own; None: the installation's."""
    connection.execute(SQL["set_quota"], {"owner": owner, "quota": quota_bytes})


def insert(connection: Connection[Any], owner: str, new: NewRow, kept_s: float) -> None:
    """Enter an upload, being received, that is given up after `kept_s` without a byte."""
    connection.execute(
        SQL["insert_upload"],
        {
            "owner": owner,
            "upload": new.upload_id,
            "name": new.name,
            "size": new.size_bytes,
            "reserved": new.reserved_bytes,
            "declared": new.declared_sha256,
            "source": new.source_url,
            "kept_s": kept_s,
        },
    )


def get(connection: Connection[Any], owner: str, upload_id: str) -> Upload | None:
    """One upload."""
    return _one(connection, "get_upload", {"owner": owner, "upload": upload_id})


def newest(connection: Connection[Any], owner: str, before: str | None, limit: int) -> list[Upload]:
    """The owner's uploads, the newest first, those older than `before`."""
    return _many(connection, "list_uploads", {"owner": owner, "before": before, "limit": limit})


def open_ones(connection: Connection[Any], owner: str) -> list[Upload]:
    """Those that are not at their end."""
    return _many(connection, "open_uploads", {"owner": owner})


def note_offset(
    connection: Connection[Any], owner: str, upload_id: str, offset_bytes: int, kept_s: float
) -> Upload | None:
    """Write down how far it has come; None where it is not being received any more."""
    parameters = {"owner": owner, "upload": upload_id, "offset": offset_bytes, "kept_s": kept_s}
    return _one(connection, "note_offset", parameters)


def reserve(connection: Connection[Any], owner: str, upload_id: str, reserved_bytes: int) -> None:
    """Room for an upload whose size is not known yet."""
    connection.execute(SQL["reserve"], {"owner": owner, "upload": upload_id, "reserved": reserved_bytes})


def begin_check(connection: Connection[Any], owner: str, upload_id: str, size_bytes: int) -> Upload | None:
    """All its bytes are there; None where it is not being received any more."""
    return _one(connection, "begin_check", {"owner": owner, "upload": upload_id, "size": size_bytes})


def note_sha256(connection: Connection[Any], owner: str, upload_id: str, sha256: str) -> None:
    """It was found to be in order."""
    connection.execute(SQL["note_sha256"], {"owner": owner, "upload": upload_id, "sha256": sha256})


def store(connection: Connection[Any], owner: str, upload_id: str, key: str) -> Upload | None:
    """It is an original now; None where it is not being checked any more."""
    return _one(connection, "store_upload", {"owner": owner, "upload": upload_id, "key": key})


def refuse(
    connection: Connection[Any], owner: str, upload_id: str, problem: str, error: str
) -> Upload | None:
    """It is not taken; None where it is neither being received nor checked any more."""
    parameters = {"owner": owner, "upload": upload_id, "problem": problem, "error": error}
    return _one(connection, "refuse_upload", parameters)


def hold_unindexed(connection: Connection[Any], owner: str, upload_id: str) -> bool:
    """Whether the index has still to look at it, which is then held for this transaction."""
    parameters = {"owner": owner, "upload": upload_id}
    return connection.execute(SQL["hold_unindexed"], parameters).fetchone() is not None


def note_indexed(
    connection: Connection[Any], owner: str, upload_id: str, asset_id: str | None, error: str | None
) -> bool:
    """The index has looked at it: an asset, or why there is none. False where the upload is gone."""
    parameters = {"owner": owner, "upload": upload_id, "asset": asset_id, "error": error}
    return connection.execute(SQL["index_upload"], parameters).rowcount > 0


def expire(connection: Connection[Any], owner: str) -> list[str]:
    """Give abandoned ones up; their ids."""
    return [str(row[0]) for row in connection.execute(SQL["expire_uploads"], {"owner": owner})]


def forget_old(connection: Connection[Any], owner: str, told_s: float) -> None:
    """Forget those refused or given up that should have ended so long ago."""
    connection.execute(SQL["forget_old"], {"owner": owner, "told_s": told_s})


def delete(connection: Connection[Any], owner: str, upload_id: str) -> bool:
    """Forget one that was not stored; whether it was there."""
    row = connection.execute(SQL["delete_upload"], {"owner": owner, "upload": upload_id}).fetchone()
    return row is not None


def forget_stored(connection: Connection[Any], owner: str, keys: Sequence[str]) -> None:
    """Forget the uploads whose objects are deleted; their room is free again."""
    connection.execute(SQL["forget_stored"], {"owner": owner, "keys": list(keys)})


def removed(connection: Connection[Any], owner: str) -> list[str]:
    """The objects of uploads whose assets were taken out of the index, and that are still to be deleted."""
    parameters = {"owner": owner, "scheme": OBJECT_SCHEME.decode("ascii")}
    return [str(row[0]) for row in connection.execute(SQL["removed_uploads"], parameters)]


def _one(connection: Connection[Any], name: str, parameters: dict[str, Any]) -> Upload | None:
    row = connection.execute(_with_columns(name), parameters).fetchone()
    return None if row is None else _upload(row)


def _many(connection: Connection[Any], name: str, parameters: dict[str, Any]) -> list[Upload]:
    return [_upload(row) for row in connection.execute(_with_columns(name), parameters)]


def _with_columns(name: str) -> str:
    return SQL[name].replace("/* columns */", _COLUMNS)


def _upload(row: tuple[Any, ...]) -> Upload:
    return Upload(
        owner=row[0],
        upload_id=row[1],
        name=row[2],
        state=UploadState(row[3]),
        size_bytes=row[4],
        reserved_bytes=row[5],
        offset_bytes=row[6],
        declared_sha256=row[7],
        sha256=row[8],
        source_url=row[9],
        problem=row[10],
        error=row[11],
        object_key=row[12],
        asset_id=row[13],
        indexed_at=row[14],
        created_at=row[15],
        expires_at=row[16],
    )
