"""What the stages work with, put together once by the app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.entities import Space

if TYPE_CHECKING:  # a worker process needs no database
    from heimdex.store.database import Database
    from heimdex.store.derived import DerivedFiles


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one item may cost."""

    image_timeout_s: float = 2.0
    stall_timeout_s: float = 60.0
    worker_memory_bytes: int = 3 << 30
    max_pixels: int = 400_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneOptions:
    """How films are divided."""

    min_scene_us: int = 600_000
    max_scene_us: int = 30_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureModel:
    """The model pictures are encoded with, described without loading it."""

    row: ModelRow
    options: LoadOptions
    spaces: tuple[Space, ...]
    weights_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """The parts an index run is made of."""

    database: Database
    owner: str
    home: Path
    derived: DerivedFiles
    model: PictureModel
    limits: Limits
    scenes: SceneOptions
    workers: int
    decode_threads: int
    pictures: bool = True  # False: the stage `picture` is skipped
