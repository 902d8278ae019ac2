"""What the stages work with, put together once by the app."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.entities import Space
from heimdex.extractors.traffic import Traffic

if TYPE_CHECKING:  # a worker process needs no database
    from heimdex.pipeline.originals import Originals
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
class TextModel:
    """The model texts are compared with by meaning, described without loading it."""

    row: ModelRow
    options: LoadOptions
    space: Space
    weights_sha256: str


SpeechMode = Literal["auto", "subtitles", "always", "off"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechOptions:
    """How what is said is come by. `auto`: from subtitles where there are any, else by listening."""

    mode: SpeechMode = "auto"
    model: str | None = None  # a catalog name, e.g. "faster-whisper-base"; None: the starter
    language: str | None = None  # ISO 639-1 of what is said, where it is known; also of preferred subtitles
    load: LoadOptions = field(default_factory=LoadOptions)
    threads: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class WritingOptions:
    """How writing in the picture is read."""

    on: bool = True
    threads: int = 2
    image_timeout_s: float = 20.0  # for one picture at full size
    alphabets: tuple[str, ...] = ()  # catalog names of recognisers to read with beside the shipped one
    load: LoadOptions = field(default_factory=LoadOptions)


@dataclass(frozen=True, kw_only=True, slots=True)
class DescriptionOptions:
    """Which endpoint describes scenes, and what that may cost. Off without a URL."""

    url: str | None = None  # of an OpenAI-style API, e.g. http://localhost:11434/v1
    model: str = ""
    key: str | None = field(default=None, repr=False)
    prompt: str | None = None  # None: ours
    language: str = "English"
    frames: int = 1  # of each scene, 1 to 3, that are shown
    at_once: int = 1  # questions under way
    requests_per_minute: float = 0.0  # 0: no limit
    budget_requests: int = 0  # in one run; 0: no limit
    price_in: float = 0.0  # per million tokens sent, in whatever currency
    price_out: float = 0.0
    timeout_s: float = 60.0
    summary_model: str | None = None  # of the same endpoint, for summaries; None: they are extracts


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """The parts an index run is made of."""

    database: Database
    owner: str
    home: Path
    derived: DerivedFiles
    originals: Originals
    model: PictureModel
    limits: Limits
    scenes: SceneOptions
    workers: int
    decode_threads: int
    pictures: bool = True  # False: the stage `picture` is skipped
    speech: SpeechOptions = field(default_factory=SpeechOptions)
    writing: WritingOptions = field(default_factory=WritingOptions)
    description: DescriptionOptions = field(default_factory=DescriptionOptions)
    traffic: Traffic = field(default_factory=Traffic, compare=False)  # of this run, with that endpoint
    text_model_name: str = "starter-sentences"

    @property
    def text_model(self) -> TextModel:
        """The model that compares texts. Raises NotFound, ModelUnavailable where it is not installed."""
        from heimdex.encoders import catalog

        row = catalog.find(self.text_model_name, self.model.options.models_dir)
        return TextModel(
            row=row,
            options=self.model.options,
            space=catalog.load_text(row.name, self.model.options).space,
            weights_sha256=catalog.fingerprint(row, self.model.options),
        )
