"""How the work on assets stands and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from heimdex.entities.files import Refusal


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
class Want:
    """What a stage waits for, or has to do without: a model, an endpoint, a budget."""

    stage: str
    reason: str


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
    wants: tuple[Want, ...] = ()


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
