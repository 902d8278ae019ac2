"""What a backfill is asked for, what it counts, and what it tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heimdex.entities import Refusal
from heimdex.pipeline.in_hand import Portion


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillOptions:
    """What to make, and in which portions."""

    asset: str | None = None  # an id or a path; None: the whole library
    assets: tuple[str, ...] | None = None  # ids; None: all of them
    failed: bool = False  # also scenes that failed before
    force: bool = False  # also scenes that have their vectors
    max_scenes: int | None = None
    batch_size: int = 50  # scenes whose assets are taken in hand together; `delay_s` falls between batches
    checkpoint: int = 10  # scenes encoded and committed together: what a kill can lose
    delay_s: float = 0.0
    dry_run: bool = False
    wait: bool = True  # for assets that other runs have in hand; else they are left to be done later


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillReport:
    """What a backfill did; in a dry run what it would do, `seconds` being an estimate."""

    model: str
    assets: int
    scenes: int
    vectors: int
    failed: tuple[Refusal, ...]  # assets of this run that have frames without a vector
    skipped: int  # scenes left alone because they failed before
    remaining: int  # scenes that are still to be done
    seconds: float
    dry_run: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillProgress:
    """How far a backfill has come."""

    scenes_total: int
    scenes_done: int
    vectors: int
    failed: int  # frames
    seconds: float


OnProgress = Callable[[BackfillProgress], None]


class BackfillTally:
    """Counts of one run."""

    def __init__(self, on_progress: OnProgress | None, total: int = 0) -> None:
        self.total = total
        self.scenes = 0
        self._vectors = 0
        self._frames_failed = 0
        self._assets: set[str] = set()
        self._failed: list[Refusal] = []
        self._on_progress = on_progress
        self._began_s = time.monotonic()

    def add(self, portions: Sequence[Portion], failed: Sequence[Refusal]) -> None:
        """What was committed."""
        rows = [row for portion in portions for row in portion.rows]
        empty = {row.keyframe.keyframe_id for row in rows if row.values is None}
        self.scenes += len({row.keyframe.scene_id for row in rows})
        self._vectors += sum(row.values is not None for row in rows)
        self._frames_failed += len(empty)
        self._assets.update(portion.item.asset_id for portion in portions)
        self._failed += failed

    def tell(self) -> None:
        """Say how far the run has come."""
        if self._on_progress is not None:
            self._on_progress(
                BackfillProgress(
                    scenes_total=max(self.total, self.scenes),
                    scenes_done=self.scenes,
                    vectors=self._vectors,
                    failed=self._frames_failed,
                    seconds=time.monotonic() - self._began_s,
                )
            )

    def report(self, model: str, *, skipped: int, remaining: int) -> BackfillReport:
        """What the run did."""
        return BackfillReport(
            model=model,
            assets=len(self._assets),
            scenes=self.scenes,
            vectors=self._vectors,
            failed=tuple(sorted(self._failed, key=lambda refusal: refusal.path)),
            skipped=skipped,
            remaining=remaining,
            seconds=round(time.monotonic() - self._began_s, 3),
            dry_run=False,
        )
