"""Searches and their answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from heimdex.client.documents import examples
from heimdex.client.documents.words import Id, Text

MOST_TERMS = 20


class Like(BaseModel):
    """A scene that is added to what is looked for, or with a weight below 0 taken from it."""

    model_config = ConfigDict(extra="forbid")

    scene_id: Id
    weight: float = Field(default=1.0, ge=-10, le=10, allow_inf_nan=False)


class SearchRequest(BaseModel):
    """What is looked for: words, a scene, or a mixture."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"text": 'red car at night kind:video -"crowd"', "match_count": 10},
                {"likes": [{"scene_id": "0199c1e0-7d6c-7aa0-9d3c-3f1b2c4d5e6f", "weight": 1.0}]},
            ]
        },
    )

    text: Text | None = Field(default=None, description="A line of the query language.")
    similar: Id | None = Field(default=None, description="A scene to find the like of.")
    likes: list[Like] = Field(default_factory=list, max_length=MOST_TERMS)
    says: list[Text] = Field(default_factory=list, max_length=MOST_TERMS, description="What is said.")
    shows: list[Text] = Field(default_factory=list, max_length=MOST_TERMS, description="What is written.")
    without: list[Text] = Field(
        default_factory=list, max_length=MOST_TERMS, description="What counts against a hit."
    )
    kind: Literal["video", "photo", "audio"] | None = None
    within: Text | None = Field(default=None, alias="in", description="Only below this folder.")
    since: datetime | None = None
    until: datetime | None = None
    match_count: Annotated[int, Field(ge=1, le=200)] = 10
    match_threshold: float | None = Field(
        default=None, ge=-1, le=1, allow_inf_nan=False, description="The least raw cosine of the picture."
    )
    strictness: Literal["strict", "normal", "loose"] = "normal"
    nearest: bool = Field(default=False, description="Where nothing answers, what came nearest.")
    cursor: Annotated[str, Field(max_length=20_000)] | None = Field(
        default=None, description="`next_cursor` of the page before. All else is taken from it."
    )

    @model_validator(mode="after")
    def _moments_have_zones(self) -> SearchRequest:
        for moment in (self.since, self.until):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("since and until need an offset, e.g. 2024-05-01T00:00:00Z")
        return self


class SearchCursor(BaseModel):
    """What a next page of a search needs to know."""

    wanted: SearchRequest
    picture: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    page: Annotated[int, Field(ge=2, le=100_000)]


class EvidenceShape(BaseModel):
    """Why a hit is a hit; the contributions add up to its score."""

    signal: str
    contribution: float
    raw: float
    model: str
    text: str | None = None
    at: float | None = Field(default=None, description="Seconds.")
    box: tuple[float, float, float, float] | None = None


class HitShape(BaseModel):
    """A moment that answers."""

    scene_id: str
    asset_id: str
    path: str
    kind: str
    start: float = Field(description="Seconds.")
    end: float
    score: float
    thumbnail: str | None = Field(description="Where its picture is got, on this server.")
    evidence: list[EvidenceShape]


class UnavailableShape(BaseModel):
    """A signal that could not answer, or not for everything."""

    signal: str
    reason: str
    coverage: float


class SearchAnswer(BaseModel):
    """The moments that answer, best first."""

    model_config = examples.SEARCH_ANSWER

    query: dict[str, Any]
    verdict: Literal["match", "weak", "none"]
    took_ms: float
    models: dict[str, str]
    unavailable: list[UnavailableShape]
    hits: list[HitShape]
    more: bool
    next_cursor: str | None = None
    adapter: int | None = None
