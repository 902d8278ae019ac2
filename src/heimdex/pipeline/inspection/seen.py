"""Originals as an inspection sees them: files as they are, uploads by one listing of the object store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from heimdex.entities import FileStamp, StoredObject, UploadedFile
from heimdex.entities.objects import is_object, key_of
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.subject import Read
from heimdex.pipeline.originals import ORIGINALS, stamp_of_upload
from heimdex.pipeline.tools import Tools
from heimdex.store import uploaded

ARRIVING = timedelta(days=1)  # an object as young as this may be about to get its record


class Seen:
    """The uploads on record, and the objects there are. Raises ObjectStoreError."""

    def __init__(self, tools: Tools, read: Read) -> None:
        self._originals = tools.originals
        self._place = tools.originals.objects.place
        # Records first: an object is there before its record.
        self._records: dict[str, UploadedFile] = {
            file.object_key: file for file in read(lambda c: uploaded.all_of(c, tools.owner))
        }
        objects = tools.originals.objects
        self._objects: dict[str, StoredObject] = {
            found.key: found for found in objects.list(objects.key(ORIGINALS))
        }

    def stamp(self, path: bytes) -> FileStamp | None:
        """An original as it is now; None where there is none, or none that may be looked at."""
        record = self._records.get(key_of(path)) if is_object(path) else None
        if record is None:  # a file, or an upload that came meanwhile
            return self._originals.stamp(path)
        return stamp_of_upload(record) if self._is_whole(record) else None

    def is_gone(self, path: bytes) -> bool:
        """Whether there is certainly no original."""
        return self.stamp(path) is None if is_object(path) else self._originals.is_gone(path)

    def check(self) -> Iterator[Finding]:
        """Whether every upload has its object, and every object its record."""
        for record in self._records.values():
            if not self._is_whole(record):
                where, why = (
                    f"{self._place}/{record.object_key}",
                    f"put it back there, or remove it for good: `heimdex remove '{record.name}'`",
                )
                yield Finding(kind=faults.UPLOAD_GONE, where=where, detail=why)
        young = datetime.now(UTC) - ARRIVING
        for key, found in self._objects.items():
            if key not in self._records and found.modified_at < young:
                yield Finding(
                    kind=faults.UPLOAD_UNKNOWN,
                    where=f"{self._place}/{key}",
                    detail="look at it, and remove it there if it is not wanted",
                )

    def _is_whole(self, record: UploadedFile) -> bool:
        found = self._objects.get(record.object_key)
        return found is not None and found.size_bytes == record.size_bytes
