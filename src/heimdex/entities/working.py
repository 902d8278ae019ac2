"""Jobs: work that is waited for by somebody else than who does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Where a job stands. `parked`: it failed too often, and waits for somebody to look at its error."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PARKED = "parked"

    @property
    def has_ended(self) -> bool:
        """Whether nothing happens to it any more by itself."""
        return self not in (JobState.WAITING, JobState.RUNNING, JobState.PAUSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobProgress:
    """How far a job has come, in its own units (files, scenes); `total` 0 is not known."""

    done: int = 0
    total: int = 0
    current: str = ""
    eta_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job as users see it. `attempts` is the fencing token of who works on it."""

    job_id: str
    parent_id: str | None
    kind: str
    queue: str
    priority: int
    arguments: Mapping[str, Any]
    state: JobState
    phase: str
    wish: str | None
    progress: JobProgress
    result: Mapping[str, Any] | None
    error: str | None
    attempts: int
    failures: int
    worker: str | None
    not_before: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    ticket: int | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    """A job to be entered."""

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0  # within its queue; higher goes first
    queue: str | None = None  # None: its kind's
    not_before: datetime | None = None
    job_id: str | None = None  # a UUID of the caller's, so that there is one such job at most
