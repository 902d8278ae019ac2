"""The verbs: what each stage does to an asset, and the rows it makes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from heimdex.entities import Facts, FileStamp, FoundScene, Keyframe, Kind, Looked, StageState, StartOver
from heimdex.errors import HeimdexError, ModelError, WorkerCrashed, WorkerError, WorkerMemory, WorkerTimeout
from heimdex.pipeline import vector_log
from heimdex.pipeline.ahead import Ahead, Made
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import SCENES, after
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.warmth import inference_memory_bytes
from heimdex.pipeline.work import Encoded, LookOptions
from heimdex.pipeline.workers import Warmth, WorkerPool
from heimdex.store import assets, pointers, runs, scenes, vectors
from heimdex.store.vectors import StoredModel, VectorRow

WORK = "heimdex.pipeline.work"
BATCH = 32  # pictures sent to the inference worker at a time
WARM_TIMEOUT_S = 180.0  # the first load compiles the graphs


class Stages:
    """The stages' work, on worker processes."""

    def __init__(self, tools: Tools, model: StoredModel) -> None:
        self.tools = tools
        self.model = model
        limit = tools.limits.worker_memory_bytes
        self.decoders = WorkerPool(tools.workers, memory_limit_bytes=limit)
        warmth = Warmth(
            function=f"{WORK}:warm",
            args=(tools.model.row.name, tools.model.options),
            timeout_s=WARM_TIMEOUT_S,
            on_begin=partial(vector_log.loading, tools.model),
            on_end=partial(vector_log.loaded, tools.model),
        )
        encoder_limit = inference_memory_bytes(tools.limits, tools.model)
        self.encoders = WorkerPool(1, memory_limit_bytes=encoder_limit, warmth=warmth)
        self._ahead = Ahead(self._encode_batch)

    def close(self) -> None:
        """End all worker processes."""
        self.decoders.close()
        self.encoders.close()
        self._ahead.close()

    def expect_pictures(self) -> None:
        """Have the model loaded by the time the first frames are kept."""
        self.encoders.prepare()

    def load_model(self) -> None:
        """Have the model loaded now. Raises ModelUnavailable where it does not load, WorkersUnavailable."""
        tools = self.tools
        self.encoders.call(
            f"{WORK}:warm", tools.model.row.name, tools.model.options, timeout_s=WARM_TIMEOUT_S
        )

    def examine(self, stamp: FileStamp) -> tuple[str, Facts] | None:
        """(content hash, facts) of a file; None when it is no media and does not claim to be."""
        try:
            return self._examine(stamp)
        except WorkerCrashed:
            # It may have been ended for a reason outside of the file (the system ran out of memory), and a
            # refusal stands until the file changes: two have to crash.
            return self._examine(stamp)

    def _examine(self, stamp: FileStamp) -> tuple[str, Facts] | None:
        limits = self.tools.limits
        with self.tools.originals.local(stamp.path) as path:
            found: tuple[str, Facts] | None = self.decoders.call(
                f"{WORK}:examine", path, limits.max_pixels, timeout_s=limits.stall_timeout_s
            )
        return found

    def forget(self, asset_id: str) -> None:
        """Nobody goes on with an asset: what was made ahead for it is let go."""
        self._ahead.drop(asset_id)

    def divide(
        self, item: Item, attempt: Attempt, on_progress: Callable[[Any], None], *, ahead: bool = False
    ) -> Outcome:
        """The stage `scenes`: one decode pass gives scenes, motion, kept frames and thumbnails.

        With `ahead` the kept frames of a film are encoded while it is still being decoded.
        """
        found = _Found()
        tools = self.tools

        def hear(said: object) -> None:
            found.hear(said)
            if isinstance(said, StartOver):
                self._ahead.drop(item.asset.asset_id)
            elif ahead and item.asset.facts.kind == Kind.VIDEO and isinstance(said, FoundScene):
                self._ahead.add(item.asset.asset_id, said.keyframes)
            on_progress(said)

        looked = self._look(item, attempt, hear)
        if tools.derived.is_shared:
            self._ahead.rest(item.asset.asset_id)  # it reads the files that are moved now
            tools.derived.publish(item.asset.asset_id, attempt.number)
        return Outcome(
            attempt=attempt,
            state=StageState.DONE if looked.scenes else StageState.EMPTY,
            row_count=looked.scenes,
            write=self._writer(item, found, looked.note),
        )

    def _look(self, item: Item, attempt: Attempt, hear: Callable[[object], None]) -> Looked:
        tools = self.tools
        options = LookOptions(
            home=tools.home,
            folder=tools.derived.attempt_folder(item.asset.asset_id, attempt.number),
            scenes=tools.scenes,
            max_pixels=tools.limits.max_pixels,
            threads=tools.decode_threads,
        )
        with tools.originals.local(item.stamp.path) as path:
            looked: Looked = self.decoders.call(
                f"{WORK}:look",
                path,
                item.asset.facts,
                options,
                timeout_s=tools.limits.stall_timeout_s,
                on_progress=hear,
            )
        return looked

    def picture(self, group: Sequence[tuple[Item, Attempt]]) -> list[Outcome]:
        """The stage `picture`: a vector in every space of the model for every kept frame."""
        if not self.tools.pictures:
            return [Outcome(attempt=attempt, state=StageState.SKIPPED) for _, attempt in group]
        owner = self.tools.owner
        ids = [item.asset.asset_id for item, _ in group]
        kept = self.tools.database.run(owner, lambda c: scenes.keyframes_of(c, owner, ids), read_only=True)
        frames = [keyframe for asset_id in ids for keyframe in kept[asset_id]]
        encoded = dict(
            zip((f.keyframe_id for f in frames), self.encode(frames, self._ahead.take(ids)), strict=True)
        )
        return [
            self._picture_outcome(
                item, attempt, [(k, encoded[k.keyframe_id]) for k in kept[item.asset.asset_id]]
            )
            for item, attempt in group
        ]

    def _writer(self, item: Item, found: _Found, note: str | None) -> Callable[[Any], None]:
        owner, asset_id = self.tools.owner, item.asset.asset_id

        def write(connection: Any) -> None:
            assets.set_note(connection, owner, asset_id, note)
            scenes.replace_scenes(connection, owner, asset_id, found)
            runs.drop_stages(connection, owner, asset_id, after(SCENES))

        return write

    def encode(self, frames: Sequence[Keyframe], made: Made | None = None) -> Iterator[Encoded]:
        """What each kept frame gives, in order: its vectors, or the reason why there are none."""
        made = made or Made()
        fresh = self._encode_all([frame for frame in frames if frame.keyframe_id not in made.encoded], made)
        for frame in frames:
            ready = made.encoded.get(frame.keyframe_id)
            yield next(fresh) if ready is None else ready

    def _encode_all(self, frames: Sequence[Keyframe], made: Made) -> Iterator[Encoded]:
        for batch in _batches(frames, made.suspects):
            try:
                yield from self._encode_batch(batch)
            except (WorkerError, ModelError) as error:
                if len(batch) == 1:
                    yield Encoded(error=_reason(error))
                    continue
                # Somebody in this batch is the culprit: one by one, so that it costs one picture.
                for frame in batch:
                    try:
                        yield from self._encode_batch([frame])
                    except (WorkerError, ModelError) as own:
                        yield Encoded(error=_reason(own))

    def _encode_batch(self, frames: Sequence[Keyframe]) -> list[Encoded]:
        tools = self.tools
        paths = tools.derived.at_hand([frame.frame for frame in frames])
        found: list[Encoded] = self.encoders.call(
            f"{WORK}:encode",
            tools.model.row.name,
            tools.model.options,
            paths,
            timeout_s=tools.limits.image_timeout_s * len(paths),
        )
        vector_log.created(frames, found)
        return found

    def _picture_outcome(
        self, item: Item, attempt: Attempt, encoded: list[tuple[Keyframe, Encoded]]
    ) -> Outcome:
        owner, asset_id = self.tools.owner, item.asset.asset_id
        spaces = [stored.space_id for stored in self.model.spaces]

        def write(connection: Any) -> None:
            pointers.hold_pointers(connection, owner)
            rows = (row for keyframe, result in encoded for row in self.vector_rows(keyframe, result))
            vectors.replace_vectors(connection, owner, asset_id, spaces, rows)

        count = len(encoded) * len(spaces)
        errors = [result.error for _, result in encoded if result.error is not None]
        if errors:
            error = f"{len(errors)} of {len(encoded)} frames have no vector: {errors[0]}"
            return Outcome(
                attempt=attempt, state=StageState.FAILED, row_count=count, error=error, write=write
            )
        state = StageState.DONE if count else StageState.EMPTY
        return Outcome(attempt=attempt, state=state, row_count=count, write=write)

    def vector_rows(self, keyframe: Keyframe, result: Encoded) -> Iterator[VectorRow]:
        """The rows of a kept frame, one in each space of the model."""
        for number, stored in enumerate(self.model.spaces):
            yield VectorRow(
                keyframe=keyframe,
                space_id=stored.space_id,
                values=None if result.error is not None else result.vectors[number],
                metadata=self._record(keyframe, stored.space.dim, result),
            )

    def _record(self, keyframe: Keyframe, dim: int, result: Encoded) -> dict[str, Any]:
        """The original system's metadata record; on failure its quality and time are null."""
        failed = result.error is not None
        return {
            "model_name": self.model.name,
            "pretrained": self.tools.model.row.pretrained,
            "embed_dim": dim,
            "normalized": True,
            "device": result.device or "cpu",
            "frame_path": keyframe.frame.key,
            "frame_quality": None if failed or keyframe.quality is None else asdict(keyframe.quality),
            "inference_time_ms": None if failed else round(result.inference_time_ms, 3),
            "created_at": datetime.now(UTC).isoformat(),
            "error": result.error,
        }


def _batches(frames: Sequence[Keyframe], alone: Container[str]) -> Iterator[list[Keyframe]]:
    """Frames in batches, in order; those whose ids are in `alone` one by one."""
    batch: list[Keyframe] = []
    for frame in frames:
        single = frame.keyframe_id in alone
        if batch and (single or len(batch) == BATCH):
            yield batch
            batch = []
        if single:
            yield [frame]
        else:
            batch.append(frame)
    if batch:
        yield batch


class _Found:
    """The scenes a worker told of, in order. Kept packed: of a long film there are tens of thousands."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []

    def hear(self, said: object) -> None:
        """Take in what a worker reports."""
        if isinstance(said, FoundScene):
            self._packed.append(pickle.dumps(said, pickle.HIGHEST_PROTOCOL))
        elif isinstance(said, StartOver):
            self._packed.clear()

    def __iter__(self) -> Iterator[FoundScene]:
        return map(pickle.loads, self._packed)


def _reason(error: HeimdexError) -> str:
    """What the record says: a timeout in the original system's words, others by their message."""
    if isinstance(error, WorkerTimeout):
        return str(error)
    if isinstance(error, WorkerMemory):
        return f"Out of memory: {error}"
    return str(error)
