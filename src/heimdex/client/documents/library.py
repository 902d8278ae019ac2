"""Assets and what is known of them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from heimdex.client.documents import examples


class WordsShape(BaseModel):
    """How much is said, written and described in an asset."""

    utterances: int
    lines: int
    descriptions: int


class AssetShape(BaseModel):
    """An asset as lists show it."""

    model_config = examples.ASSET_SHAPE

    asset_id: str
    path: str | None
    paths: list[str]
    kind: Literal["video", "photo", "audio"]
    state: str
    duration: float = Field(description="Seconds; 0 for photos.")
    width: int
    height: int
    size_bytes: int
    title: str | None = None
    taken_at: str
    taken_at_corrected: bool = False
    note: str | None
    words: WordsShape


class AssetCursor(BaseModel):
    """What a next page of assets needs to know."""

    after: UUID
    kind: Literal["video", "photo", "audio"] | None = None


class AssetPage(BaseModel):
    """Some assets in the order of their arrival."""

    assets: list[AssetShape]
    next_cursor: str | None = None


class KeyframeShape(BaseModel):
    """A kept frame."""

    keyframe_id: str
    at: float
    quality: float | None
    frame_quality: dict[str, Any] | None
    thumbnail: str
    frame: str


class SceneShape(BaseModel):
    """A scene with its kept frames."""

    scene_id: str
    start: float
    end: float
    motion: dict[str, float]
    keyframes: list[KeyframeShape]


class AssetDetail(BaseModel):
    """One asset in full."""

    asset: dict[str, Any]
    scenes: list[SceneShape]
    ledger: list[dict[str, Any]]


class AssetCorrection(BaseModel):
    """What people say of an asset; null takes back what was said before, what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"title": "Anna's wedding"}]})

    title: str | None = Field(default=None, min_length=1, max_length=200)
    taken_at: AwareDatetime | None = None


class Removed(BaseModel):
    """What was taken out of the index; originals stay where they are."""

    removed: list[str]


class VerifyRequest(BaseModel):
    """How closely to look."""

    sample: int = Field(default=16, ge=0, le=256, description="Frames and files to look at closely.")


class FaultShape(BaseModel):
    """A fault of the index and its mend."""

    what: str
    where: str
    mend: str


class VerificationShape(BaseModel):
    """What was checked, and what is wrong."""

    ok: bool
    checked: dict[str, int]
    faults: list[FaultShape]


class Health(BaseModel):
    """Whether the service runs, and what it can see."""

    model_config = examples.HEALTH

    status: Literal["healthy"]
    version: str
    features: dict[str, bool]
    models: dict[str, str] = Field(description="`picture`: the model of the installation in use.")


class Ready(BaseModel):
    """It can answer searches now."""

    status: Literal["ready"]
    missing: list[str] = Field(
        default_factory=list, description="Models in use whose weights cannot be used on this machine."
    )


class ModelsShape(BaseModel):
    """The models there are."""

    models: list[dict[str, Any]]
