"""The costly part, for a sample or for all: vectors computed again, originals read again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np

from heimdex.entities import Asset, Facts, Values
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.jobs import Original
from heimdex.pipeline.inspection.paths import stamp_of
from heimdex.pipeline.inspection.subject import Subject, frame_name, vector_place
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, checks
from heimdex.store.checks import KeptFiles, Page

LEAST_COSINE = 0.99  # of a vector to what the encoder says of its frame today
HASHED_BYTES = 8 << 30
"""Originals whose content is read again for a sample, in all: 64 long films would be a terabyte."""

Read: TypeAlias = Callable[[Callable[[Any], Any]], Any]
"""Runs a function on a connection, in a read-only transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What is looked at closely, drawn by lot; None: all."""

    frames: frozenset[str] | None = None
    assets: frozenset[str] | None = None


class Closely:
    """Looks closely at the sample."""

    def __init__(self, tools: Tools, inspectors: Inspectors, sample: Sample, read: Read) -> None:
        self.tools = tools
        self.inspectors = inspectors
        self.sample = sample
        self.counts: Counter[str] = Counter()
        self._read = read
        self._hash_bytes = HASHED_BYTES

    def wants(self, frame: KeptFiles) -> bool:
        """Whether the kept frame is in the sample."""
        return self.sample.frames is None or frame.keyframe_id in self.sample.frames

    def vectors(self, frames: Sequence[tuple[Subject, KeptFiles]]) -> Iterator[Finding]:
        """Compare the vectors of kept frames, which are sound pictures, with what the encoder says today.

        A near-identical frame of the same batch may have lent its vector; such are nearer than this asks.
        """
        if not frames:
            return
        owner, model_id = self.tools.owner, frames[0][0].model.model_id
        ids = [frame.keyframe_id for _, frame in frames]
        stored = self._read(lambda c: checks.values_of(c, owner, model_id, ids))
        filled = {keyframe_id for keyframe_id, _ in stored}
        wanted = [(subject, frame) for subject, frame in frames if frame.keyframe_id in filled]
        spaces = [space.name for space in self.tools.model.spaces]
        named = _named_by_rows(frames[0][0].page)  # all of these are of one page
        today = self.inspectors.encode([self.tools.derived.path(frame.frame_key) for _, frame in wanted])
        for (subject, frame), vectors in zip(wanted, today, strict=True):
            self.counts["frames_encoded_again"] += vectors is not None
            for space, values in zip(spaces, vectors or (), strict=False):
                before = stored.get((frame.keyframe_id, space))
                if before is None or vector_place(frame.keyframe_id, space) in named:
                    continue
                cosine = _cosine(before, values)
                if not cosine >= LEAST_COSINE:
                    yield _foreign(subject, frame, space, cosine)

    def originals(self, subjects: Sequence[Subject], suspicious: set[str | None]) -> Iterator[Finding]:
        """Read again the files of the sample, and of what is suspicious."""
        tasks: list[tuple[Subject, bytes, bool]] = []
        for subject in subjects:
            suspect = subject.asset_id in suspicious
            sampled = self.sample.assets is None or subject.asset_id in self.sample.assets
            path = _readable(subject) if sampled or suspect else None
            if path is not None:
                tasks.append((subject, path, suspect or self._may_hash(subject.asset.size_bytes)))
        originals = self.inspectors.read_originals([(path, hashed) for _, path, hashed in tasks])
        owner, ids = self.tools.owner, [subject.asset_id for subject, _, _ in tasks]
        found = self._read(lambda c: assets.get_assets(c, owner, ids)) if ids else []
        known = {asset.asset_id: asset for asset in found}
        for (subject, path, _), original in zip(tasks, originals, strict=True):
            self.counts["originals_read_again"] += not original.unreadable
            if subject.asset_id in known:
                yield from _compare(subject, path, original, known[subject.asset_id])

    def _may_hash(self, size_bytes: int) -> bool:
        if self.sample.assets is None:
            return True
        allowed = size_bytes <= self._hash_bytes
        self._hash_bytes -= size_bytes if allowed else 0
        return allowed


def _readable(subject: Subject) -> bytes | None:
    """A path of the asset whose file is as it was when it was indexed."""
    for path in subject.paths:
        if path.state == "present" and stamp_of(path.stamp.path) == path.stamp:
            return path.stamp.path
    return None


def _compare(subject: Subject, path: bytes, original: Original, known: Asset) -> Iterator[Finding]:
    if original.content_hash not in (None, known.content_hash):
        yield subject.found(faults.CONTENT)
    if original.error is not None:
        yield subject.found(faults.FACTS, f"they cannot be read any more: {original.error}")
    elif original.facts is not None:
        now, before = original.facts, known.facts
        wrong = [p.name for p in fields(Facts) if _differ(getattr(now, p.name), getattr(before, p.name))]
        if wrong:
            yield subject.found(faults.FACTS, ", ".join(wrong), target=(path, now))


def _differ(now: object, before: object) -> bool:
    if isinstance(now, float) and isinstance(before, float):
        return not abs(now - before) <= 1e-5 * max(1.0, abs(now))  # the database holds some as real
    if isinstance(now, str):  # and text without NUL
        now = now.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return now != before


def _named_by_rows(page: Page) -> set[str]:
    """Vectors whose rows have told already that their values are not those of their frame."""
    return {
        vector_place(flaw.keyframe_id, flaw.space)
        for flaw in page.vectors
        if flaw.misshapen or flaw.stretched or flaw.altered or "frame_path" in flaw.record
    }


def _cosine(one: Values, other: Values) -> float:
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.dot(one, other)) / norms if norms > 0 else 0.0


def _foreign(subject: Subject, frame: KeptFiles, space: str, cosine: float) -> Finding:
    return subject.found(
        faults.VECTOR_FOREIGN,
        frame_name(frame),
        frame.keyframe_id,
        vector_place(frame.keyframe_id, space),
        model_id=subject.model.model_id,
        group=frame.keyframe_id,
        detail=f"cosine {cosine:.3f} in {space}",
    )
