"""The stage `writing`: lines of text in the kept frames, read from the film or photo at full size."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from heimdex.entities import Keyframe, Kind, Scene, StageState, TextLine
from heimdex.errors import ModelError, ModelUnavailable, WorkerError, WorkersUnavailable
from heimdex.extractors.lines import Look, merged
from heimdex.extractors.rapid_ocr import ReaderOptions
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import WRITING, after
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.read_writing import Begun, Moment, Reading
from heimdex.pipeline.readers import Readers, describe
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.verb import Verb
from heimdex.pipeline.worker import Report
from heimdex.pipeline.workers import Warmth, WorkerPool
from heimdex.store import runs, scenes, text_lines, transcripts, vectors

JOBS = "heimdex.pipeline.read_writing"
WARM_TIMEOUT_S = 120.0
FAULTS_IN_A_ROW = 7  # pictures that cost a process, of three scenes at least; then the rest is not tried


@dataclass(kw_only=True, slots=True)
class _Heard:
    """What a worker told so far of a film."""

    readings: dict[int, Reading] = field(default_factory=dict)
    begun: int | None = None

    def hear(self, said: object) -> None:
        if isinstance(said, Begun):
            self.begun = said.number
        elif isinstance(said, Reading):
            self.readings[said.number] = said
            self.begun = None


class WritingVerb(Verb):
    """Reads the kept frames of one asset after the other, in one worker process."""

    stage = WRITING

    def __init__(self, tools: Tools) -> None:
        """Enters the reader in the database; starts nothing yet."""
        self.tools = tools
        self._closed = threading.Event()
        self._missing: str | None = None
        self._readers = Readers()
        try:
            self._readers = readers = describe(tools.writing)
        except ModelUnavailable as error:
            self._missing = str(error)
        else:
            self.model_id = tools.database.run(
                tools.owner,
                lambda c: vectors.register_plain(c, readers.name, "float", readers.weights_sha256),
            )
        # Every line is read by each of them.
        self._timeout_s = tools.writing.image_timeout_s * (1 + len(self._readers.alphabets))
        self._options = ReaderOptions(threads=tools.writing.threads, alphabets=self._readers.alphabets)
        warmth = Warmth(function=f"{JOBS}:warm", args=(self._options,), timeout_s=WARM_TIMEOUT_S)
        self._pool = WorkerPool(1, memory_limit_bytes=tools.limits.worker_memory_bytes, warmth=warmth)

    def off(self) -> str | None:
        """Left out by a setting, or where RapidOCR is not installed."""
        if not self.tools.writing.on:
            return "writing is not to be read"
        return self._missing

    def wants(self) -> str | None:
        """A reader that is not installed, or some of the alphabets that were asked for."""
        lacking = "; ".join(self._readers.lacking) or None
        return (self._missing or lacking) if self.tools.writing.on else None

    def settles(self, item: Item) -> StageState | None:
        """Nothing is written in a sound."""
        return StageState.EMPTY if item.asset.facts.kind == Kind.AUDIO else None

    def close(self) -> None:
        """End the worker process."""
        self._closed.set()
        self._pool.close()

    def work(self, item: Item, attempt: Attempt, report: Report) -> Outcome:
        """Read the kept frames of an asset. One that breaks the reader costs itself and no other."""
        owner, asset_id = self.tools.owner, item.asset.asset_id
        found = self.tools.database.run(
            owner,
            lambda c: (scenes.scenes_of(c, owner, asset_id), scenes.keyframes_of(c, owner, [asset_id])),
            read_only=True,
        )
        kept = sorted(found[1][asset_id], key=lambda keyframe: keyframe.at_us)
        if item.asset.facts.kind == Kind.PHOTO:
            readings = [self._photo(item, report)] if kept else []
        else:
            readings = self._film(item, kept, report)
        lines = merged(looks(found[0], kept, readings))
        return self._outcome(attempt, lines, [reading.error for reading in readings])

    def _photo(self, item: Item, report: Report) -> Reading:
        limits = self.tools.limits
        with self.tools.originals.local(item.stamp.path) as path:
            reading: Reading = self._pool.call(
                f"{JOBS}:read_still",
                path,
                limits.max_pixels,
                self._options,
                timeout_s=self._timeout_s,
                on_progress=report,
            )
        return reading

    def _film(self, item: Item, kept: Sequence[Keyframe], report: Report) -> list[Reading]:
        """The readings of all kept frames, in order. After a failure the worker goes on behind it."""
        heard = _Heard()
        left = [Moment(number=number, at_us=keyframe.at_us) for number, keyframe in enumerate(kept)]
        in_a_row = 0

        def hear(said: object) -> None:
            heard.hear(said)
            report(said)

        while left:
            known = len(heard.readings)
            try:
                self._call(item, left, hear)
                error = None
            except (WorkerError, ModelError) as fault:
                if self._closed.is_set() or isinstance(fault, ModelUnavailable | WorkersUnavailable):
                    raise
                error = str(fault)
            in_a_row = in_a_row + 1 if len(heard.readings) == known else 1
            blamed = left[0].number if heard.begun is None else heard.begun
            left = [moment for moment in left if moment.number not in heard.readings]
            if error is None or in_a_row >= FAULTS_IN_A_ROW:
                blame = left
            else:
                blame = [moment for moment in left if moment.number == blamed] or left[:1]
            for moment in blame:
                heard.hear(Reading(number=moment.number, error=error or "the worker left it out"))
            left = [moment for moment in left if moment not in blame]
            heard.begun = None
        return [heard.readings[number] for number in range(len(kept))]

    def _call(self, item: Item, moments: Sequence[Moment], hear: Report) -> None:
        limits = self.tools.limits
        with self.tools.originals.local(item.stamp.path) as path:
            self._pool.call(
                f"{JOBS}:read_film",
                path,
                item.asset.facts,
                list(moments),
                self._options,
                # Silent while it reads a picture, and while it decodes from where it could seek to.
                timeout_s=max(self._timeout_s, limits.stall_timeout_s),
                on_progress=hear,
            )

    def _outcome(self, attempt: Attempt, lines: Sequence[TextLine], errors: Sequence[str | None]) -> Outcome:
        owner, asset_id, model_id = self.tools.owner, attempt.key.asset_id, self.model_id
        failed = [error for error in errors if error is not None]

        def write(connection: Any) -> None:
            text_lines.replace_lines(connection, owner, asset_id, lines)
            transcripts.delete_other_runs(connection, owner, asset_id, WRITING.name, model_id)
            runs.drop_stages(connection, owner, asset_id, after(WRITING))

        error = f"{len(failed)} of {len(errors)} pictures could not be read: {failed[0]}" if failed else None
        state = StageState.DONE if lines else StageState.EMPTY
        return Outcome(
            attempt=attempt,
            state=StageState.FAILED if failed else state,
            row_count=len(lines),
            error=error,
            write=write,
        )


def looks(found: Sequence[Scene], kept: Sequence[Keyframe], readings: Iterable[Reading]) -> list[Look]:
    """The pictures that could be read, each with the stretch it stands for.

    The kept frames of a scene share it among them: each has it up to half-way to the next, the first from the
    scene's beginning, the last to its end. A frame that could not be read leaves its share to nobody.
    """
    of_scene: dict[str, list[Keyframe]] = {}
    for keyframe in kept:
        of_scene.setdefault(keyframe.scene_id, []).append(keyframe)
    spans: dict[str, tuple[int, int]] = {}
    for scene in found:
        frames = of_scene.get(scene.scene_id, [])
        halves = [(one.at_us + other.at_us) // 2 for one, other in pairwise(frames)]
        shares = pairwise([scene.start_us, *halves, scene.end_us])
        spans |= zip((frame.keyframe_id for frame in frames), shares, strict=False)
    return [
        Look(
            scene_id=keyframe.scene_id,
            at_us=keyframe.at_us,
            start_us=spans[keyframe.keyframe_id][0],
            end_us=spans[keyframe.keyframe_id][1],
            width=reading.width,
            height=reading.height,
            lines=reading.lines,
        )
        for keyframe, reading in zip(kept, readings, strict=True)
        if reading.error is None
    ]
