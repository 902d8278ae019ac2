"""Originals that were handed in: kept in the object store, put on record, indexed like any file.

The order is what makes a killed process harmless: the object first, then its record, then the index. An
object without a record is one that never came in whole.
"""

from __future__ import annotations

import mimetypes
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from heimdex.entities import IndexReport, UploadedFile, new_id
from heimdex.entities.objects import escaped, is_object, key_of, object_path
from heimdex.errors import NotFound
from heimdex.pipeline.indexing import IndexOptions, index
from heimdex.pipeline.library import remove
from heimdex.pipeline.tally import OnProgress
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, uploaded

ORIGINALS = "originals"
OCTETS = "application/octet-stream"


@dataclass(frozen=True, kw_only=True, slots=True)
class Announced:
    """What is known of a file that is handed in. `name` may be anything; it is only shown."""

    name: str
    sha256: str | None = None  # hex; where it is known the file has to agree
    content_type: str | None = None
    modified_ns: int | None = None  # when it was last changed where it came from


def keep_upload(tools: Tools, path: Path, announced: Announced, *, take: bool = True) -> UploadedFile:
    """Store a file that was handed in and put it on record; its key is what `index_object` takes.

    `take`: the file may be moved, and is gone afterwards. Raises UnreadableFile, ObjectDamaged where the
    checksum is another, ObjectStoreError, StorageFull.
    """
    objects = tools.originals.objects
    object_id = new_id()
    key = objects.key(ORIGINALS, object_id, escaped(announced.name))
    size_bytes = path.stat().st_size
    content_type = announced.content_type or mimetypes.guess_type(announced.name)[0] or OCTETS
    sha256 = objects.put_file(key, path, announced.sha256, content_type=content_type, take=take)
    file = UploadedFile(
        object_id=object_id,
        object_key=key,
        name=announced.name,
        sha256=sha256,
        size_bytes=size_bytes,
        content_type=content_type,
        modified_ns=announced.modified_ns if announced.modified_ns is not None else time.time_ns(),
    )
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
    tools: Tools, options: IndexOptions, object_key: str, on_progress: OnProgress | None = None
) -> IndexReport:
    """Index an upload on this machine, wherever it was handed in. It is shown under its name.

    What it cannot be indexed for is in the report, as for any file. Raises ObjectStoreError, StoreError.
    """
    return index(tools, options, [object_path(object_key)], on_progress)


def drop_upload(tools: Tools, object_id: str) -> list[str]:
    """Remove an upload for good: from the index, the record and the store. Returns the assets that went.

    Raises NotFound, ObjectStoreError (then it is off the index, and may be dropped again).
    """
    owner = tools.owner

    def read(connection: Connection[Any]) -> tuple[UploadedFile | None, bool]:
        file = uploaded.find_by_id(connection, owner, object_id)
        path = None if file is None else object_path(file.object_key)
        return file, path is not None and path in assets.known_files(connection, owner)

    file, is_indexed = tools.database.run(owner, read, read_only=True)
    if file is None:
        raise NotFound(f"no upload {object_id}")
    gone = remove(tools, [object_path(file.object_key).decode("ascii")]) if is_indexed else []
    tools.originals.objects.delete(file.object_key)
    tools.originals.cache.forget(file.object_key)
    tools.database.run(owner, lambda c: uploaded.forget(c, owner, file.object_key))
    return gone
