"""Originals that were handed in: kept in the object store, put on record, indexed like any file.

The order is what makes a killed process harmless: the object first, then its record, then the index. An
object without a record is one that never came in whole.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psycopg import Connection

from heimdex.entities import IndexReport, UploadedFile, new_id
from heimdex.entities.objects import is_object, key_of, object_path
from heimdex.errors import NotFound
from heimdex.pipeline.indexing import IndexOptions, index
from heimdex.pipeline.library import remove
from heimdex.pipeline.originals import Announced, object_of
from heimdex.pipeline.sharing import conclude
from heimdex.pipeline.tally import OnProgress
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, uploaded, uploads
from heimdex.store.shelf import PutOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexedUpload:
    """What came of indexing an upload: an asset, or why there is none; both where a stage failed."""

    report: IndexReport
    asset_id: str | None
    error: str | None


def keep_upload(tools: Tools, path: Path, announced: Announced, *, take: bool = True) -> UploadedFile:
    """Store a file that was handed in and put it on record; its key is what `index_object` takes.

    `take`: the file may be moved, and is gone afterwards. Raises UnreadableFile, ObjectDamaged where the
    checksum is another, ObjectStoreError, StorageFull.
    """
    objects = tools.originals.objects
    file = object_of(objects, new_id(), announced, path.stat().st_size)
    options = PutOptions(content_type=file.content_type, take=take)
    found = objects.put_file(file.object_key, path, announced.sha256, options)
    file = replace(file, sha256=found)
    tools.database.run(tools.owner, lambda c: uploaded.enter(c, tools.owner, file))
    return file


def uploads_of(tools: Tools, asset_id: str) -> list[UploadedFile]:
    """The uploads that an asset was made from; none for one that was only indexed in place."""
    owner = tools.owner

    def read(connection: Connection[Any]) -> list[UploadedFile]:
        paths = [path.path_bytes for path in assets.paths_of(connection, owner, asset_id)]
        found = [uploaded.find(connection, owner, key_of(path)) for path in paths if is_object(path)]
        return [file for file in found if file is not None]

    result: list[UploadedFile] = tools.database.run(owner, read, read_only=True)
    return result


def index_object(
    tools: Tools,
    options: IndexOptions,
    object_key: str,
    on_progress: OnProgress | None = None,
    *,
    halt: threading.Event | None = None,
) -> IndexReport:
    """Index an upload on this machine, wherever it was handed in. It is shown under its name.

    What it cannot be indexed for is in the report, as for any file. Raises ObjectStoreError, StoreError, and
    Stopped once `halt` is set.
    """
    return index(tools, options, [object_path(object_key)], on_progress, halt=halt)


def index_upload(
    tools: Tools,
    options: IndexOptions,
    upload_id: str,
    on_progress: OnProgress | None = None,
    *,
    halt: threading.Event | None = None,
) -> IndexedUpload:
    """Index what an upload became in the object store, and note on the upload what came of it.

    Raises as `index_object`, NotFound for an upload that is gone or was not stored, and ObjectMissing where
    its file is not to be had from here.
    """
    owner, run = tools.owner, tools.database.run
    upload = run(owner, lambda c: uploads.get(c, owner, upload_id), read_only=True)
    if upload is None or upload.object_key is None:
        raise NotFound(f"no upload {upload_id} to be indexed; it was ended, or its asset removed")
    path = object_path(upload.object_key)
    tools.originals.objects.head(upload.object_key)  # a machine that does not reach it has nothing to say
    # The rest of the library is nobody's concern here, and finishing it is cheap where little is new.
    report = index_object(tools, replace(options, is_part=True), upload.object_key, on_progress, halt=halt)
    conclude(tools, options, ())
    error = next((refusal.error for refusal in report.failed), None)
    known = run(owner, lambda c: assets.known_files(c, owner, [path]), read_only=True).get(path)
    asset_id = None if known is None else known.asset_id
    if asset_id is None:
        error = error or (known.error if known is not None else None) or "the index took no notice of it"
    noted = run(owner, lambda c: uploads.note_indexed(c, owner, upload_id, asset_id, error))
    if not noted and asset_id is not None:  # removed while it was being indexed
        with suppress(NotFound):
            remove(tools, [path.decode("ascii")])
    return IndexedUpload(report=report, asset_id=asset_id if noted else None, error=error)


def drop_upload(tools: Tools, object_id: str) -> list[str]:
    """Remove an upload for good: from the index, the record and the store. Returns the assets that went.

    Raises NotFound, ObjectStoreError (then it is off the index, and may be dropped again).
    """
    owner = tools.owner

    def read(connection: Connection[Any]) -> tuple[UploadedFile | None, bool]:
        file = uploaded.find_by_id(connection, owner, object_id)
        path = None if file is None else object_path(file.object_key)
        return file, path is not None and path in assets.known_files(connection, owner, [path])

    file, is_indexed = tools.database.run(owner, read, read_only=True)
    if file is None:
        raise NotFound(f"no upload {object_id}")
    gone = remove(tools, [object_path(file.object_key).decode("ascii")]) if is_indexed else []
    tools.originals.let_go([file.object_key])
    return gone
