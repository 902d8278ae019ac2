"""From a file that was received to an original in the object store, whoever is killed on the way.

The object first; then, in one transaction, its record and the step of its upload. The key follows from the
upload alone, so whoever goes on where another was killed comes by the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from psycopg import Connection

from heimdex.entities import UploadedFile
from heimdex.entities.uploads import Upload
from heimdex.errors import NotFound, ObjectMissing
from heimdex.pipeline.originals import Announced, Originals, object_of
from heimdex.store import parts, uploaded, uploads
from heimdex.store.database import Database
from heimdex.store.shelf import PutOptions


def keep(
    database: Database,
    originals: Originals,
    upload: Upload,
    path: Path | None,
    check_stop: Callable[[], object],
) -> Upload:
    """Make a file an original; the upload as it stands then. Called again, it gives the same.

    The file was just found to have `upload.sha256`, is held by the caller, and is gone from `path` then; None
    where the object is there already. Raises NotFound for an upload that was ended meanwhile,
    ObjectStoreError, StorageFull, and what `check_stop` raises while a file is sent.
    """
    owner, file = upload.owner, _record_of(originals, upload)
    if path is not None:
        options = PutOptions(take=True, is_proven=True, check_stop=check_stop)
        originals.objects.put_file(file.object_key, path, file.sha256, options)

    def enter(connection: Connection[Any]) -> Upload | None:
        stored = uploads.store(connection, owner, upload.upload_id, file.object_key)
        if stored is None:  # another process was faster, or it was ended
            return uploads.get(connection, owner, upload.upload_id)
        uploaded.enter(connection, owner, file)
        return stored

    stored = database.run(owner, enter)
    if stored is None or stored.object_key is None:
        originals.let_go([file.object_key])
        raise NotFound(parts.GONE)
    return stored


def was_kept(originals: Originals, upload: Upload) -> bool:
    """Whether its object is there, though no row says so: a process was killed in between, or is about to.

    Raises ObjectStoreError.
    """
    if upload.sha256 is None:  # its file was never found to be in order
        return False
    file = _record_of(originals, upload)
    try:
        return originals.objects.head(file.object_key).size_bytes == file.size_bytes
    except ObjectMissing:
        return False


def _record_of(originals: Originals, upload: Upload) -> UploadedFile:
    modified_ns = round(upload.created_at.timestamp() * 1e6) * 1_000
    announced = Announced(name=upload.name, sha256=upload.sha256, modified_ns=modified_ns)
    return object_of(originals.objects, upload.upload_id, announced, upload.size_bytes or 0)
