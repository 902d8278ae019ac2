"""What an index run counts while many threads work, and tells about it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from heimdex.entities import IndexReport, Progress, Refusal, Want

OnProgress = Callable[[Progress], None]


class Tally:
    """Counts of one run. Thread-safe."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self.total = 0
        self.current = ""
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._failed: list[Refusal] = []
        self._wants: list[Want] = []
        self._began_s = time.monotonic()

    def file(self, what: str) -> None:
        """A file is finished: indexed, unchanged, moved, duplicates, refused or ignored."""
        with self._lock:
            self._counts[what] += 1
            self._counts["files"] += 1

    def turn(self, before: str, after: str) -> None:
        """A file that was counted as one thing turns out to be another."""
        with self._lock:
            self._counts[before] -= 1
            self._counts[after] += 1

    def add(self, what: str, count: int) -> None:
        """Add to a count that is not of files."""
        with self._lock:
            self._counts[what] += count

    def fail(self, path: str, stage: str, error: str) -> None:
        """A file, or a stage of it, that failed now or is on record as failed."""
        with self._lock:
            self._failed.append(Refusal(path=path, stage=stage, error=error))

    def want(self, stage: str, reason: str) -> None:
        """What a stage waits for or has to do without."""
        with self._lock:
            self._wants.append(Want(stage=stage, reason=reason))

    def tell(self) -> None:
        """Say how far the run has come."""
        if self._on_progress is None:
            return
        with self._lock:
            progress = Progress(
                files_total=self.total,
                files_done=self._counts["files"],
                scenes=self._counts["scenes"],
                failed=len(self._failed),
                seconds=time.monotonic() - self._began_s,
                current=self.current,
            )
        self._on_progress(progress)

    def report(self) -> IndexReport:
        """What the run did."""
        counts = self._counts
        return IndexReport(
            indexed=counts["indexed"],
            unchanged=counts["unchanged"],
            moved=counts["moved"],
            missing=counts["missing"],
            duplicates=counts["duplicates"],
            failed=tuple(sorted(self._failed, key=lambda refusal: (refusal.path, refusal.stage))),
            scenes=counts["scenes"],
            seconds=round(time.monotonic() - self._began_s, 3),
            wants=tuple(self._wants),
        )
