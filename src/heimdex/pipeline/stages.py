"""The verbs: what each stage does to an asset, and the rows it makes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from heimdex.entities import Facts, FileStamp, FoundScene, Keyframe, Kind, Looked, StageState, StartOver
from heimdex.errors import HeimdexError, ModelError, WorkerCrashed, WorkerError, WorkerMemory, WorkerTimeout
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import SCENES, after
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.work import Encoded, LookOptions
from heimdex.pipeline.workers import Warmth, WorkerPool
from heimdex.store import assets, runs, scenes, vectors
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
        )
        self.encoders = WorkerPool(1, memory_limit_bytes=limit, warmth=warmth)

    def close(self) -> None:
        """End all worker processes."""
        self.decoders.close()
        self.encoders.close()

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
        found: tuple[str, Facts] | None = self.decoders.call(
            f"{WORK}:examine", stamp.path, limits.max_pixels, timeout_s=limits.stall_timeout_s
        )
        return found

    def divide(self, item: Item, attempt: Attempt, on_progress: Callable[[Any], None]) -> Outcome:
        """The stage `scenes`: one decode pass gives scenes, motion, kept frames and thumbnails."""
        found = _Found()
        if item.asset.facts.kind == Kind.AUDIO:
            return Outcome(attempt=attempt, state=StageState.EMPTY, write=self._writer(item, found, None))
        tools = self.tools

        def hear(said: object) -> None:
            found.hear(said)
            on_progress(said)

        looked: Looked = self.decoders.call(
            f"{WORK}:look",
            item.stamp.path,
            item.asset.facts,
            LookOptions(
                home=tools.home,
                folder=tools.derived.attempt_folder(item.asset.asset_id, attempt.number),
                scenes=tools.scenes,
                max_pixels=tools.limits.max_pixels,
                threads=tools.decode_threads,
            ),
            timeout_s=tools.limits.stall_timeout_s,
            on_progress=hear,
        )
        return Outcome(
            attempt=attempt,
            state=StageState.DONE,
            row_count=looked.scenes,
            write=self._writer(item, found, looked.note),
        )

    def picture(self, group: Sequence[tuple[Item, Attempt]]) -> list[Outcome]:
        """The stage `picture`: a vector in every space of the model for every kept frame."""
        owner = self.tools.owner
        ids = [item.asset.asset_id for item, _ in group]
        kept = self.tools.database.run(owner, lambda c: scenes.keyframes_of(c, owner, ids), read_only=True)
        frames = [keyframe for asset_id in ids for keyframe in kept[asset_id]]
        encoded = dict(zip((f.keyframe_id for f in frames), self.encode(frames), strict=True))
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

    def encode(self, frames: Sequence[Keyframe]) -> Iterator[Encoded]:
        """What each kept frame gives, in order: its vectors, or the reason why there are none."""
        for start in range(0, len(frames), BATCH):
            batch = frames[start : start + BATCH]
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
        paths = [tools.derived.path(frame.frame.key) for frame in frames]
        found: list[Encoded] = self.encoders.call(
            f"{WORK}:encode",
            tools.model.row.name,
            tools.model.options,
            paths,
            timeout_s=tools.limits.image_timeout_s * len(paths),
        )
        return found

    def _picture_outcome(
        self, item: Item, attempt: Attempt, encoded: list[tuple[Keyframe, Encoded]]
    ) -> Outcome:
        rows = [row for keyframe, result in encoded for row in self.vector_rows(keyframe, result)]
        spaces = [stored.space_id for stored in self.model.spaces]
        write = partial(
            vectors.replace_vectors,
            owner=self.tools.owner,
            asset_id=item.asset.asset_id,
            spaces=spaces,
            rows=rows,
        )
        errors = [result.error for _, result in encoded if result.error is not None]
        if errors:
            error = f"{len(errors)} of {len(encoded)} frames have no vector: {errors[0]}"
            return Outcome(
                attempt=attempt, state=StageState.FAILED, row_count=len(rows), error=error, write=write
            )
        state = StageState.DONE if rows else StageState.EMPTY
        return Outcome(attempt=attempt, state=state, row_count=len(rows), write=write)

    def vector_rows(self, keyframe: Keyframe, result: Encoded) -> Iterator[VectorRow]:
        """The rows of a kept frame, one in each space of the model."""
        for number, stored in enumerate(self.model.spaces):
            yield VectorRow(
                keyframe=keyframe,
                space_id=stored.space_id,
                values=None if result.error is not None else result.vectors[number].values,
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
