"""What is looked for, and what is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from heimdex.entities.files import Kind
from heimdex.entities.pictures import Values
from heimdex.entities.words import TextChannel


class Verdict(StrEnum):
    """Whether the best hit answers the query."""

    MATCH = "match"
    WEAK = "weak"
    NONE = "none"


class Strictness(StrEnum):
    """How sure an answer has to be."""

    STRICT = "strict"  # what answers only weakly is no answer
    NORMAL = "normal"
    LOOSE = "loose"  # the nearest are shown however far they are


class FrameStrategy(StrEnum):
    """Which of a scene's kept frames speak for it, and how: a scene's cosine to what is looked for."""

    BEST_QUALITY = "best_quality"  # that of the best picture (rank 0) alone
    TOP3_MAX = "top3_max"  # the highest of its frames
    TOP3_MEAN = "top3_mean"  # the mean of its frames


class Moves(StrEnum):
    """How a scene moves; the thresholds are those of store/queries/search.sql."""

    STILL = "still"
    SLOW = "slow"
    FAST = "fast"
    PAN = "pan"
    ZOOM = "zoom"


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
    language: str | None = None  # spoken in the asset, ISO 639-1
    longer_us: int | None = None  # the scene lasts so long at least
    motion: Moves | None = None  # how the scene moves


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is looked for. At least one of text, image and similar is given."""

    text: str | None = None
    image: str | None = None  # path of a picture file
    similar: str | None = None  # scene id
    likes: tuple[tuple[str, float], ...] = ()  # scenes that are added to it, or below 0 taken from it
    filters: Filters = field(default_factory=Filters)
    limit: int = 10
    page: int = 1
    match_threshold: float | None = None  # raw cosine
    strictness: Strictness = Strictness.NORMAL
    nearest: bool = False  # what came nearest is shown also where the verdict is `none`


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
    strength: float | None = None  # 0-1, how surely this alone makes the scene an answer; None: not known
    approximate: bool = False  # not what was asked for to the letter: no more than a weak match
    channel: TextChannel | None = None  # the text that was compared by its meaning; None: not by meaning

    def weighed(self, strength: float, contribution: float) -> Evidence:
        """The same with how surely it answers and what it adds; much quicker than `replace`."""
        return Evidence(
            signal=self.signal,
            contribution=contribution,
            raw=self.raw,
            model=self.model,
            text=self.text,
            at_us=self.at_us,
            rank=self.rank,
            box=self.box,
            strength=strength,
            approximate=self.approximate,
            channel=self.channel,
        )


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
    scene_ids: tuple[str, ...] = ()  # neighbours that answer alike are one hit: all of them, in order


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
    adapter: int | None = None  # the version of what marked queries taught that was used
