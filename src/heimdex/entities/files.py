"""Files, as they are met, and what they say about themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from heimdex.entities.objects import shown_path


class Kind(StrEnum):
    """What a file is by its content."""

    VIDEO = "video"
    PHOTO = "photo"
    AUDIO = "audio"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStamp:
    """A file as the walk met it. `path` is the raw bytes: names need not be UTF-8."""

    path: bytes
    size_bytes: int
    modified_ns: int

    @property
    def text(self) -> str:
        """The path for people; undecodable bytes are shown as \\xNN, an uploaded file by its name."""
        return shown_path(self.path)


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
    note: str | None = None  # damage the decoder went round
    title: str | None = None  # what people call it
    is_time_corrected: bool = False  # taken_at is what people said
