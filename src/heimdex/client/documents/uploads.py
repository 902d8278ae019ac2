"""Uploads and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from heimdex.client.documents import examples
from heimdex.client.documents.words import Text
from heimdex.entities.uploads import Upload


class UploadShape(BaseModel):
    """A file that is handed in, or was."""

    model_config = examples.UPLOAD_SHAPE

    upload_id: str
    name: str = Field(description="What the file was called, made harmless; it is never a path.")
    state: Literal["receiving", "checking", "stored", "refused", "expired"]
    size_bytes: int | None = Field(description="Null while only its end will tell.")
    offset_bytes: int = Field(description="How many bytes are safely here.")
    sha256: str | None = Field(description="Of the file as it was kept.")
    source_url: str | None
    problem: str | None = Field(description="Why it was refused, as the name of an error.")
    error: str | None = Field(description="Why it was refused, or could not be indexed.")
    asset_id: str | None = Field(description="What it became in the library, once it is indexed.")
    indexed: bool
    job_id: str | None = Field(description="The job that indexes it, once it is stored.")
    created_at: datetime
    expires_at: datetime = Field(description="When it is given up, if no byte comes before.")

    @classmethod
    def of(cls, upload: Upload) -> UploadShape:
        """The document of an upload."""
        return cls(
            upload_id=upload.upload_id,
            name=upload.name,
            state=upload.state.value,
            size_bytes=upload.size_bytes,
            offset_bytes=upload.offset_bytes,
            sha256=upload.sha256,
            source_url=upload.source_url,
            problem=upload.problem,
            error=upload.error,
            asset_id=upload.asset_id,
            indexed=upload.indexed_at is not None,
            job_id=upload.job_id,
            created_at=upload.created_at,
            expires_at=upload.expires_at,
        )


class UploadCursor(BaseModel):
    """What a next page of uploads needs to know."""

    before: UUID


class UploadPage(BaseModel):
    """Some uploads, the newest first, and what all of them take up."""

    uploads: list[UploadShape]
    used_bytes: int
    quota_bytes: int | None = Field(description="Null: no quota.")
    next_cursor: str | None = None


class IngestRequest(BaseModel):
    """A file to be fetched."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://media.example.org/films/harbour.mp4"}]},
    )

    url: Annotated[Text, StringConstraints(min_length=1)]
    name: Text | None = Field(default=None, description="What to call it; else as the address does.")
