"""The picture model in use, and changing it."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from heimdex.client.documents.words import Text

ModelName = Annotated[Text, Field(min_length=1, max_length=200)]
Source = Literal["choice", "default", "settings"]
MOST_OWNERS = 1_000


class Reached(BaseModel):
    """Whom something reaches. Neither mine nor owners: the installation, which is for administrators."""

    model_config = ConfigDict(extra="forbid")

    mine: bool = Field(default=False, description="The library of whoever asks, and no other.")
    owners: Annotated[list[UUID], Field(max_length=MOST_OWNERS)] = Field(
        default_factory=list, description="These libraries alone; for administrators."
    )


class ModelChangeRequest(Reached):
    """Another picture model: its vectors are made and checked while searches go on, then it is used."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "siglip2-base-patch32-256", "percent": 10}]},
    )

    model: ModelName
    percent: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="Only so many percent of the owners, for now."
    )
    keep_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=30, description="How long the vectors of the model before stay."
    )
    sample: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=64, description="Kept frames to encode again as a check."
    )
    most_failed: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=0.05, description="The share of pictures that may fail."
    )
    priority: Annotated[int, Field(ge=-400, le=400)] = 0


class RollbackRequest(Reached):
    """Back to the model before, at once. Of the installation, it ends a roll-out first."""

    catch_up: bool = Field(
        default=True, description="Jobs make the vectors that what was indexed since lacks."
    )


class ChoiceRequest(BaseModel):
    """A library's own model, whose vectors have to be there; null: it follows the installation."""

    model_config = ConfigDict(extra="forbid")

    model: ModelName | None
    owner: UUID | None = Field(default=None, description="Another's library; for administrators.")


class ModelPlan(BaseModel):
    """What a change would make."""

    model: str
    owners: int
    scenes: int
    vectors: int
    seconds: float = Field(description="About how long it takes.")


class Coverage(BaseModel):
    """How many of the kept frames have all their vectors of a model."""

    model: str
    keyframes: int
    filled: int
    failed: int
    share: float


class Rollout(BaseModel):
    """The next model, given to a share of the owners."""

    model: str
    percent: int
    reached: int | None = Field(description="How many owners; for administrators.")
    this: bool = Field(description="Whether this library is one of them.")


class ModelChangeShape(BaseModel):
    """A change of a library's model. `report` holds what was made, checked and compared."""

    change_id: str
    from_model: str | None = Field(alias="from")
    to_model: str | None = Field(alias="to")
    reach: Literal["owner", "default", "share"]
    state: Literal["building", "ready", "switched", "rolled_back", "failed"]
    report: dict[str, Any] = Field(
        description="`scenes`, `vectors`, `failed`, `checked`, `comparison` with `overlap` of the top ten, …"
    )
    error: str | None
    keep_days: int
    started_at: str
    finished_at: str | None
    pruned_at: str | None


class ModelState(BaseModel):
    """The model a library's searches use, and why; the newest change first."""

    model: str
    source: Source
    previous: str | None
    notice: str | None
    rollout: Rollout | None
    coverage: list[Coverage]
    changes: list[ModelChangeShape]


class LibraryModel(BaseModel):
    """One library's model."""

    owner: str
    model: str | None
    source: Source
    coverage: list[Coverage]
    change: ModelChangeShape | None = Field(description="The latest.")


class LibraryModels(BaseModel):
    """The models of all libraries, and the installation's own."""

    model: str
    rollout: Rollout | None
    libraries: list[LibraryModel]
    count: int = Field(description="How many libraries there are; the first thousand are listed.")


class WentBack(BaseModel):
    """A pointer that went back; `owner` null: the installation's."""

    owner: str | None
    left: str
    now: str


class RolledBack(BaseModel):
    """What went back, and how many jobs make up for what was indexed since."""

    rolled_back: list[WentBack]
    jobs: int


class PrunedModel(BaseModel):
    """A model whose vectors were removed."""

    model: str
    vectors: int


class PrunedModels(BaseModel):
    """What was removed."""

    pruned: list[PrunedModel]
