"""What a decode pass makes of a film or a photo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from heimdex.entities.ids import new_id

Picture: TypeAlias = NDArray[np.uint8]
"""RGB, uint8, shape (height, width, 3)."""


Values: TypeAlias = NDArray[np.float32]
"""A vector, float32, shape (dim,), L2 norm 1."""

SMALL_WIDTH, SMALL_HEIGHT = 64, 36  # px; frames are compared at this size

KEPT_SHORT_SIDE = 512  # px; the file every picture encoder reads

THUMBNAIL_WIDTH = 320  # px; the longer side

KEYFRAMES_PER_SCENE = 3


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
