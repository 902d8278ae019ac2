"""Uploads: begun, written on, asked about, given up. What they become is seen to by finishing.py."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from psycopg import Connection

from heimdex.entities import is_uuid, new_id
from heimdex.entities.uploads import Upload, UploadState, UploadUsage
from heimdex.errors import (
    NotFound,
    OffsetConflict,
    QuotaExceeded,
    TooManyUploads,
    UploadError,
    UploadExpired,
    UploadTooLarge,
)
from heimdex.pipeline.incoming.arrival import Arrival, Checksum, Ledger
from heimdex.pipeline.incoming.names import ending, safe_name
from heimdex.pipeline.incoming.options import NewUpload, UploadOptions
from heimdex.store import parts, uploads
from heimdex.store.database import Database
from heimdex.store.parts import Part

log = logging.getLogger(__name__)

IS_ASSET = "this upload is an asset of the library, or becomes one; remove the asset"
SAID_OF_FILES = ("is ", "has ", "holds ", "may ", "cannot ", "changed ")
"""How reasons begin that elsewhere follow a file's path."""

T = TypeVar("T")


class Uploads:
    """The uploads of all owners whose files lie in one folder. Thread-safe, over any number of processes."""

    def __init__(self, database: Database, options: UploadOptions) -> None:
        self._database = database
        self.options = options

    def begin(self, owner: str, wanted: NewUpload) -> Upload:
        """Enter a new upload and reserve its room.

        Raises UploadTooLarge, QuotaExceeded, TooManyUploads, StorageFull.
        """
        size = wanted.size_bytes
        self._check_size(size or 0)
        upload_id, name = new_id(), safe_name(wanted.name)
        path = self._path(owner, upload_id, name)
        part = Part.hold(path, make=True)  # held until it is entered: a file without a row is swept away
        try:
            parts.check_room(self.options.folder, size or 0, self.options.spare_bytes)
            row = uploads.NewRow(
                upload_id=upload_id,
                name=name,
                size_bytes=size,
                reserved_bytes=size or 0,
                declared_sha256=wanted.sha256,
                source_url=wanted.source_url,
            )
            self._run(owner, lambda c: self._enter(c, owner, row))
        except BaseException:
            parts.remove(path)
            raise
        finally:
            part.close()
        return self.get(owner, upload_id)

    def get(self, owner: str, upload_id: str) -> Upload:
        """An upload, with the bytes that are on the disk now. Raises NotFound."""
        found = None
        if is_uuid(upload_id):
            found = self._run(owner, lambda c: uploads.get(c, owner, upload_id))
        if found is None:
            raise NotFound(f"no upload {upload_id}")
        if found.state is not UploadState.RECEIVING:
            return found
        return replace(found, offset_bytes=parts.received_bytes(self.path(found)))

    def newest(self, owner: str, *, before: str | None = None, limit: int = 50) -> list[Upload]:
        """An owner's uploads, the newest first; offsets are those written down last."""
        return self._run(owner, lambda c: uploads.newest(c, owner, before, limit))

    def usage(self, owner: str) -> UploadUsage:
        """What an owner's uploads take up, and the quota that counts."""
        return self._with_quota(self._run(owner, lambda c: uploads.usage(c, owner)))

    def set_quota(self, owner: str, quota_bytes: int | None) -> None:
        """Give an owner a quota of their own; None: the installation's again."""
        self._run(owner, lambda c: uploads.set_quota(c, owner, quota_bytes))

    def arrive(
        self, owner: str, upload_id: str, offset_bytes: int, checksum: Checksum | None = None
    ) -> Arrival:
        """Begin to write on where the upload stands, which has to be `offset_bytes`.

        Raises NotFound, UploadExpired, OffsetConflict, UploadBusy, StorageFull.
        """
        upload = self.receiving(owner, upload_id)
        part = Part.hold(self.path(upload))
        try:
            _check_offset(part, offset_bytes)
            left = (upload.size_bytes or 0) - part.size_bytes
            parts.check_room(self.options.folder, max(left, 0), self.options.spare_bytes)
            ledger = Ledger(
                reserve=lambda wanted: self._reserve(upload, wanted),
                note=lambda offset: self._note(upload, offset),
            )
            return Arrival(upload, part, ledger, checksum)
        except BaseException:
            part.close()
            raise

    def receiving(self, owner: str, upload_id: str) -> Upload:
        """An upload that may still be written on. Raises NotFound, UploadExpired, OffsetConflict."""
        upload = self.get(owner, upload_id)
        if upload.state is UploadState.EXPIRED:
            raise UploadExpired("this upload was abandoned for too long; begin it again")
        if upload.state is not UploadState.RECEIVING:
            raise OffsetConflict(f"this upload is {upload.state} already; nothing can be added to it")
        return upload

    def complete(self, owner: str, upload_id: str, *, whole: bool = False) -> Upload | None:
        """Close an upload all of whose bytes came; None where some are to come.

        `whole`: what is there is all of it, where its size was not known. Raises NotFound, UploadBusy.
        """
        upload = self.get(owner, upload_id)
        if upload.state is not UploadState.RECEIVING:
            return upload
        size = upload.offset_bytes
        if size != upload.size_bytes and not (whole and upload.size_bytes is None):
            return None
        return self._run(owner, lambda c: uploads.begin_check(c, owner, upload_id, size))

    def give_up(self, owner: str, upload_id: str) -> None:
        """Forget an upload that was not stored. Raises NotFound, and UploadError for one that was."""
        upload = self.get(owner, upload_id)
        if not self._run(owner, lambda c: uploads.delete(c, owner, upload_id)):
            raise UploadError(IS_ASSET)
        parts.remove(self.path(upload))

    def refuse(self, upload: Upload, error: Exception, told: str | None = None) -> Upload | None:
        """Delete the file and record why; None where its end was decided otherwise meanwhile."""
        kind, text = type(error).__name__, (told or str(error)).replace("\0", "")[:2_000]
        if text.startswith(SAID_OF_FILES):
            text = f"the file {text}"
        refused = self._run(
            upload.owner, lambda c: uploads.refuse(c, upload.owner, upload.upload_id, kind, text)
        )
        if refused is not None:
            parts.remove(self.path(upload))
        return refused

    def path(self, upload: Upload) -> Path:
        """The file that is being received."""
        return self._path(upload.owner, upload.upload_id, upload.name)

    def owners(self) -> list[str]:
        """The owners of whom there are files here."""
        folder = self.options.folder
        if not folder.is_dir():
            return []
        return sorted(found.name for found in folder.iterdir() if is_uuid(found.name))

    def _path(self, owner: str, upload_id: str, name: str) -> Path:
        """Made of ids alone, but for a short ending of letters and digits, which says what a file claims."""
        return self.options.folder / owner / f"{upload_id}.part{ending(name)}"

    def _enter(self, connection: Connection[Any], owner: str, row: uploads.NewRow) -> None:
        usage = self._with_quota(uploads.lock_usage(connection, owner))
        if usage.receiving >= self.options.at_once:
            raise TooManyUploads(
                f"{usage.receiving} uploads are under way, and no more may be at once; finish or end some"
            )
        _check_quota(usage, row.reserved_bytes)
        uploads.insert(connection, owner, row, self.options.kept_s)

    def _reserve(self, upload: Upload, wanted_bytes: int) -> int:
        """Room for an upload of unknown size: a step more, or what is left of the quota if that will do."""
        self._check_size(wanted_bytes)
        options = self.options

        def work(connection: Connection[Any]) -> int:
            usage = self._with_quota(uploads.lock_usage(connection, upload.owner))
            now = uploads.get(connection, upload.owner, upload.upload_id)
            if now is None or now.state is not UploadState.RECEIVING:
                raise NotFound(parts.GONE)
            most = min(wanted_bytes + options.step_bytes, options.largest_bytes)
            if usage.quota_bytes is not None:
                free = usage.quota_bytes - usage.used_bytes + now.reserved_bytes
                most = max(min(most, free), wanted_bytes)
            _check_quota(usage, most - now.reserved_bytes)
            uploads.reserve(connection, upload.owner, upload.upload_id, most)
            return most

        room = self._run(upload.owner, work)
        parts.check_room(options.folder, options.step_bytes, options.spare_bytes)
        return room

    def _note(self, upload: Upload, offset_bytes: int) -> Upload:
        noted = self._run(
            upload.owner,
            lambda c: uploads.note_offset(
                c, upload.owner, upload.upload_id, offset_bytes, self.options.kept_s
            ),
        )
        if noted is None:
            raise NotFound(parts.GONE)
        return noted

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self.options.largest_bytes:
            raise UploadTooLarge(
                f"files of at most {self.options.largest_bytes:,} bytes are taken here; "
                "HEIMDEX_UPLOAD_LIMIT_GB says so"
            )

    def _with_quota(self, usage: UploadUsage) -> UploadUsage:
        return (
            usage if usage.quota_bytes is not None else replace(usage, quota_bytes=self.options.quota_bytes)
        )

    def _run(self, owner: str, work: Callable[[Connection[Any]], T]) -> T:
        return self._database.run(owner, work)


def _check_offset(part: Part, offset_bytes: int) -> None:
    if offset_bytes != part.size_bytes:
        raise OffsetConflict(
            f"the upload stands at byte {part.size_bytes}, not {offset_bytes}; go on from there"
        )


def _check_quota(usage: UploadUsage, more_bytes: int) -> None:
    if usage.quota_bytes is not None and usage.used_bytes + more_bytes > usage.quota_bytes:
        raise QuotaExceeded(
            f"no room for {more_bytes:,} more bytes: {usage.used_bytes:,} of {usage.quota_bytes:,} are "
            "taken; remove assets that were uploaded, or end uploads"
        )
