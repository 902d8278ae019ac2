"""The costly part, for a sample or for all: vectors computed again, originals read again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np

from heimdex.entities import Asset, Facts, Values
from heimdex.inference.session import Precision
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.jobs import Original
from heimdex.pipeline.inspection.paths import stamp_of
from heimdex.pipeline.inspection.subject import Subject, frame_name, vector_place
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, checks
from heimdex.store.checked import KeptFiles, Page

LEAST_COSINE = 0.99  # of a vector to what the encoder says of its frame today
ARITHMETICS: tuple[Precision, ...] = ("fp32", "bf16")
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

        Where that is another vector it is asked once more in the other arithmetics, which share a space: the
        frame may have been indexed on another machine. `frames` are of one page.
        """
        if not frames:
            return
        owner, model_id = self.tools.owner, frames[0][0].model.model_id
        ids = [frame.keyframe_id for _, frame in frames]
        stored = self._read(lambda c: checks.values_of(c, owner, model_id, ids))
        for place in _named_by_rows(frames[0][0].page):
            stored.pop(place, None)
        filled = {keyframe_id for keyframe_id, _ in stored}
        doubtful = [(subject, frame) for subject, frame in frames if frame.keyframe_id in filled]
        best: dict[tuple[str, str], float] = {}
        for precision in (None, *ARITHMETICS):
            encoded = self._cosines([frame for _, frame in doubtful], precision, stored, best)
            if precision is None:
                self.counts["frames_encoded_again"] += encoded
            low = {keyframe_id for (keyframe_id, _), cosine in best.items() if not cosine >= LEAST_COSINE}
            doubtful = [(subject, frame) for subject, frame in doubtful if frame.keyframe_id in low]
        for subject, frame in doubtful:
            for space in self.tools.model.spaces:
                cosine = best.get((frame.keyframe_id, space.name), 1.0)
                if not cosine >= LEAST_COSINE:
                    yield _foreign(subject, frame, space.name, cosine)

    def _cosines(
        self,
        frames: Sequence[KeptFiles],
        precision: Precision | None,
        stored: dict[tuple[str, str], Values],
        best: dict[tuple[str, str], float],
    ) -> int:
        """Raise `best` by what frames give in one arithmetic; how many could be encoded."""
        paths = [self.tools.derived.path(frame.frame_key) for frame in frames]
        encoded = 0
        for frame, vectors in zip(frames, self.inspectors.encode(paths, precision), strict=True):
            encoded += vectors is not None
            for space, values in zip(self.tools.model.spaces, vectors or (), strict=False):
                place = (frame.keyframe_id, space.name)
                if place in stored:
                    best[place] = max(best.get(place, -1.0), _cosine(stored[place], values))
        return encoded

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


def _named_by_rows(page: Page) -> set[tuple[str, str]]:
    """Vectors, (keyframe, space), whose rows have told already that they are not those of their frame."""
    return {
        (flaw.keyframe_id, flaw.space)
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
