"""The frozen nouns that travel between rooms.

Times are integer microseconds on the asset's one clock (zero = the container's presentation start over the
chosen streams); intervals are half-open. Pictures are RGB, uint8, shape (height, width, 3).
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
"""RGB, uint8, shape (height, width, 3)."""

Values: TypeAlias = NDArray[np.float32]
"""A vector, float32, shape (dim,), L2 norm 1."""

SMALL_WIDTH, SMALL_HEIGHT = 64, 36  # px; frames are compared at this size
KEPT_SHORT_SIDE = 512  # px; the file every picture encoder reads
THUMBNAIL_WIDTH = 320  # px; the longer side
KEYFRAMES_PER_SCENE = 3


def new_id() -> str:
    """A UUID version 7 (RFC 9562): sorts by time of making."""
    millis = time.time_ns() // 1_000_000
    value = (millis & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def is_uuid(text: str) -> bool:
    """Whether a text can be an id at all."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


class Kind(StrEnum):
    """What a file is by its content."""

    VIDEO = "video"
    PHOTO = "photo"
    AUDIO = "audio"


class StageState(StrEnum):
    """Where one stage stands for one asset. `empty` (nothing found) is not `pending` (not done)."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    EMPTY = "empty"
    FAILED = "failed"
    SKIPPED = "skipped"


class AssetState(StrEnum):
    """How an asset stands as a whole, derived from its ledger and its paths."""

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    MISSING = "missing"
    INDEXING = "indexing"


class Verdict(StrEnum):
    """Whether the best hit answers the query."""

    MATCH = "match"
    WEAK = "weak"
    NONE = "none"


class FrameStrategy(StrEnum):
    """Which of a scene's kept frames speak for it, and how: a scene's cosine to what is looked for."""

    BEST_QUALITY = "best_quality"  # that of the best picture (rank 0) alone
    TOP3_MAX = "top3_max"  # the highest of its frames
    TOP3_MEAN = "top3_mean"  # the mean of its frames


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStamp:
    """A file as the walk met it. `path` is the raw bytes: names need not be UTF-8."""

    path: bytes
    size_bytes: int
    modified_ns: int

    @property
    def text(self) -> str:
        """The path for people; undecodable bytes are shown as \\xNN."""
        return self.path.decode("utf-8", "backslashreplace")


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A file or folder that could not be indexed, and why."""

    path: str
    stage: str
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a file says about itself."""

    kind: Kind
    container: str
    video_codec: str | None = None
    audio_codec: str | None = None
    width: int = 0  # px as displayed: rotation and sample aspect applied
    height: int = 0
    rotation: int = 0  # degrees clockwise that were undone
    duration_us: int = 0  # 0 for photos
    frame_rate: float | None = None  # nominal; never used as a clock
    zero_us: int = 0  # the container's presentation start, on its streams' own clock
    video_offset_us: int | None = None  # first picture after zero
    audio_offset_us: int | None = None  # first sound after zero
    clock_breaks: bool = False  # its timestamps start over on the way: no seeking, the pass mends them
    interlaced: bool = False
    transfer: str | None = None  # "pq" or "hlg" where the picture is HDR
    captured_at: datetime | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One decoded frame, as the single pass hands it on."""

    at_us: int
    end_us: int
    small: Picture  # (36, 64, 3), not rotated: for comparing, not for showing
    render: Callable[[int], Picture] = field(repr=False, compare=False)
    """`render(short_side)` is the upright picture with a short side of at most that many pixels (0 = full
    size), with aspect, interlacing and HDR undone. Holding a Frame holds its decoded buffer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Motion:
    """How a scene moves, from the small frames."""

    energy: float  # mean absolute change between neighbouring frames, 0-1, per second
    pan: float  # frame widths per second, + = the camera turns right
    tilt: float  # frame heights per second, + = the camera turns down
    zoom: float  # natural log of the scale per second, + = moves in
    change: float  # how much the last keyframe differs from the first, 0-1


STILL = Motion(energy=0.0, pan=0.0, tilt=0.0, zoom=0.0, change=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A stretch of one shot, [start_us, end_us). A photo has one scene of no length."""

    position: int
    start_us: int
    end_us: int
    motion: Motion = STILL
    scene_id: str = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameQuality:
    """Why a frame was chosen. Every part is 0-1, more is better."""

    quality_score: float
    sharpness: float
    exposure: float
    contrast: float
    steadiness: float  # away from cuts and from motion
    blank: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A frame picked to stand for its scene, still with its pixels."""

    rank: int  # 0 = best
    frame: Frame
    quality: FrameQuality


@dataclass(frozen=True, kw_only=True, slots=True)
class DerivedFile:
    """A reproducible file below the home; `key` is its path there, with forward slashes."""

    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyframe:
    """A kept frame of a scene: the pixels every picture encoder reads."""

    scene_id: str
    rank: int
    at_us: int
    width: int  # px of the kept file
    height: int
    quality: FrameQuality | None
    frame: DerivedFile
    thumbnail: DerivedFile
    keyframe_id: str = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    """A place where vectors can be compared: one model's output of one sort."""

    model: str  # catalog name, e.g. "starter"
    name: str  # "labels", "features", "joint"
    dim: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Vector:
    """A unit vector in a space. `certainty` is how well the encoder knows what it was asked, 0-1."""

    space: Space
    values: Values
    certainty: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What narrows a search before anything is ranked."""

    kind: Kind | None = None
    within: str | None = None  # only below this folder, or this file
    since: datetime | None = None
    until: datetime | None = None
    asset_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is looked for. At least one of text, image and similar is given."""

    text: str | None = None
    image: str | None = None  # path of a picture file
    similar: str | None = None  # scene id
    filters: Filters = field(default_factory=Filters)
    limit: int = 10
    page: int = 1
    match_threshold: float | None = None  # raw cosine


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Why a hit is a hit. The contributions of a hit add up to its score."""

    signal: str  # picture | path | speech | writing | caption | person
    contribution: float
    raw: float
    model: str
    text: str | None = None
    at_us: int | None = None  # known of the hits of a page, not of all candidates
    rank: int | None = None  # of the kept frame that says so
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A moment that answers a query."""

    scene_id: str
    asset_id: str
    path: str
    kind: Kind
    start_us: int
    end_us: int
    score: float
    thumbnail: str | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unavailable:
    """A signal that could not answer, or not for everything."""

    signal: str
    reason: str
    coverage: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a search gives back."""

    query: Query
    verdict: Verdict
    hits: tuple[Hit, ...]
    models: dict[str, str]
    unavailable: tuple[Unavailable, ...]
    took_ms: float
    more: bool = False  # a further page exists


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFile:
    """A path on record, as the last index left it."""

    stamp: FileStamp
    asset_id: str | None
    state: str  # present | missing | refused
    stage: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """One content, whatever the number of its paths."""

    asset_id: str
    content_hash: str  # SHA-256, hex
    size_bytes: int
    facts: Facts
    taken_at: datetime
    present: bool = True
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StageRun:
    """One row of the ledger. `attempt` is the fencing token."""

    asset_id: str
    stage: str
    model_id: int  # 0 where the stage has no model
    version: int
    state: StageState
    content_hash: str
    row_count: int
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: float | None
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundScene:
    """A scene and its kept frames, as a decode pass comes by them."""

    scene: Scene
    keyframes: tuple[Keyframe, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StartOver:
    """What a decode pass reported so far does not hold: it begins again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """How a decode pass over a file ended; its scenes were told on the way."""

    scenes: int
    note: str | None = None  # damage the decoder went round


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexReport:
    """What an index run did, in files."""

    indexed: int
    unchanged: int
    moved: int
    missing: int
    duplicates: int
    failed: tuple[Refusal, ...]
    scenes: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far an index run has come."""

    files_total: int
    files_done: int
    scenes: int
    failed: int
    seconds: float
    current: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Something `verify` found: what is wrong, where, and how it is mended."""

    what: str
    where: str
    mend: str
    asset_id: str | None = None
    stage: str | None = None  # the stage to run again


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """The outcome of `verify`."""

    checked: dict[str, int]
    faults: tuple[Fault, ...]
