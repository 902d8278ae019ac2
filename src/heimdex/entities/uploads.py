"""What is handed in from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class UploadState(StrEnum):
    """How far an upload has come."""

    RECEIVING = "receiving"
    CHECKING = "checking"  # all bytes are there
    STORED = "stored"  # an original of the library
    REFUSED = "refused"
    EXPIRED = "expired"  # abandoned


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A file that is handed in, or was. `name` is for people and never a path; digests are hex."""

    owner: str
    upload_id: str
    name: str
    state: UploadState
    size_bytes: int | None  # None: only its end will tell
    reserved_bytes: int  # what it takes of its owner's quota
    offset_bytes: int
    declared_sha256: str | None
    sha256: str | None
    source_url: str | None
    problem: str | None  # the kind of the error, a class of errors.py
    error: str | None
    object_key: str | None
    asset_id: str | None
    indexed_at: datetime | None
    created_at: datetime
    expires_at: datetime

    @property
    def job_id(self) -> str | None:
        """The job that indexes it, once it is stored: there is one at most, for it has the upload's id."""
        return self.upload_id if self.state is UploadState.STORED else None

    @property
    def may_end(self) -> bool:
        """Whether it became no asset, and will not by itself."""
        return self.state is not UploadState.STORED or (self.indexed_at is not None and self.asset_id is None)


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadUsage:
    """What an owner's uploads take up, how many are being received; `quota_bytes` None: no quota."""

    used_bytes: int
    receiving: int
    quota_bytes: int | None
