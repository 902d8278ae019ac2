"""The costly part, for a sample or for all: vectors computed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from heimdex.entities import Values
from heimdex.inference.session import Precision
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.kept import PathOf
from heimdex.pipeline.inspection.subject import Read, Subject, frame_name, vector_place
from heimdex.pipeline.tools import Tools
from heimdex.store import checks
from heimdex.store.checked import KeptFiles, Page

LEAST_COSINE = 0.99  # of a vector to what the encoder says of its frame today
ARITHMETICS: tuple[Precision, ...] = ("fp32", "bf16")


class Vectors:
    """The vectors of the kept frames in `sample` (None: of all)."""

    def __init__(self, tools: Tools, inspectors: Inspectors, read: Read) -> None:
        self.tools = tools
        self.inspectors = inspectors
        self.sample: frozenset[str] | None = None
        self.counts: Counter[str] = Counter()
        self._read = read

    def wants(self, frame: KeptFiles) -> bool:
        """Whether the kept frame is in the sample."""
        return self.sample is None or frame.keyframe_id in self.sample

    def check(self, frames: Sequence[tuple[Subject, KeptFiles]], path_of: PathOf) -> Iterator[Finding]:
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
            asked = [(frame, path_of(frame.frame_key)) for _, frame in doubtful]
            encoded = self._cosines(asked, precision, stored, best)
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
        frames: Sequence[tuple[KeptFiles, Path]],
        precision: Precision | None,
        stored: dict[tuple[str, str], Values],
        best: dict[tuple[str, str], float],
    ) -> int:
        """Raise `best` by what frames give in one arithmetic; how many could be encoded."""
        paths = [path for _, path in frames]
        encoded = 0
        for (frame, _), vectors in zip(frames, self.inspectors.encode(paths, precision), strict=True):
            encoded += vectors is not None
            for space, values in zip(self.tools.model.spaces, vectors or (), strict=False):
                place = (frame.keyframe_id, space.name)
                if place in stored:
                    best[place] = max(best.get(place, -1.0), _cosine(stored[place], values))
        return encoded


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
