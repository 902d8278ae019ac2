"""Jobs: what workers are asked to do, and how far they have come."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from heimdex.client.documents import examples
from heimdex.client.documents.words import Text

State = Literal["waiting", "running", "paused", "done", "failed", "cancelled", "parked"]
Model = Annotated[str, Field(max_length=200)]


class IndexJob(BaseModel):
    """Bring the index up to date with folders that workers can see. For administrators of the service."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["index"]
    paths: Annotated[list[Text], Field(min_length=1, max_length=100)]
    retry: bool = False


class BackfillJob(BaseModel):
    """Make the vectors of a model that scenes lack; `query` chooses whose."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["backfill"]
    model: Model | None = None
    query: Text | None = None


class ReprocessJob(BaseModel):
    """Run stages again; `query` chooses of which assets."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["reprocess"]
    query: Text = ""
    stages: Annotated[list[Model], Field(max_length=20)] | None = None
    only: Literal["failed", "stale"] | None = None
    force: bool = False
    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class VerifyJob(BaseModel):
    """Derive the index again from files and rows, and name every fault."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["verify"]
    sample: Annotated[int, Field(ge=-1, le=100_000)] = 64


class JobRequest(BaseModel):
    """What workers are asked to do. Of those waiting, the one of the highest priority is taken first."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"work": {"kind": "backfill", "query": "kind:video"}, "priority": 10}]
        },
    )

    work: Annotated[IndexJob | BackfillJob | ReprocessJob | VerifyJob, Field(discriminator="kind")]
    priority: Annotated[int, Field(ge=-400, le=400)] = 0


class JobChange(BaseModel):
    """Where a job and its parts stand within its queue: higher goes first."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"priority": 100}]})

    priority: Annotated[int, Field(ge=-400, le=400)]


class JobProgress(BaseModel):
    """How far a job has come; `eta` in seconds."""

    done: int
    total: int | None
    current: str | None = None
    eta: float | None = None


class JobShape(BaseModel):
    """A job."""

    model_config = examples.JOB

    job_id: str
    parent_id: str | None = None
    kind: str
    queue: str
    priority: int
    state: State
    asked_to: str | None = None
    progress: JobProgress
    arguments: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error: str | None = None
    attempts: int
    failures: int
    worker: str | None = None
    not_before: str | None = None
    created_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class JobCursor(BaseModel):
    """What a next page of jobs needs to know."""

    before: UUID
    state: State | None = None
    kind: Annotated[str, Field(max_length=100)] | None = None


class JobPage(BaseModel):
    """Some jobs, the newest first."""

    jobs: list[JobShape]
    next_cursor: str | None = None
