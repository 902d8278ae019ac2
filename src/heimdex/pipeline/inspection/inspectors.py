"""The worker processes of `verify`: files are decoded and frames encoded there, as when they were indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from heimdex.encoders.row import LoadOptions
from heimdex.entities import Values
from heimdex.errors import ModelError, UnreadableFile, VectorFault, WorkerError
from heimdex.inference.session import Precision
from heimdex.pipeline import stages
from heimdex.pipeline.inspection.jobs import FileLook, KeptLook, Original
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.warmth import inference_memory_bytes
from heimdex.pipeline.workers import Warmth, WorkerPool

JOBS = "heimdex.pipeline.inspection.jobs"
FRAMES_AT_A_TIME = 16
NO_CONTENT = "0" * 64  # the hash of what cannot be read as what it was

Task = TypeVar("Task")
Result = TypeVar("Result")


class Inspectors:
    """Decoders and one encoder, started when first needed. Use it in a `with` block."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.unloadable: str | None = None  # why the model gives no vectors
        limit = tools.limits.worker_memory_bytes
        self.decoders = WorkerPool(tools.workers, memory_limit_bytes=limit)
        warmth = Warmth(
            function=f"{stages.WORK}:warm",
            args=(tools.model.row.name, tools.model.options),
            timeout_s=stages.WARM_TIMEOUT_S,
        )
        encoder_limit = 2 * inference_memory_bytes(tools.limits, tools.model)  # in both arithmetics
        self.encoders = WorkerPool(1, memory_limit_bytes=encoder_limit, warmth=warmth)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all worker processes."""
        self.decoders.close()
        self.encoders.close()

    def look_at_kept(self, pairs: Sequence[tuple[Path, Path, bool]]) -> list[KeptLook]:
        """What (frame, thumbnail) files are, in order; decoded and compared where the third part says so."""
        batches = [
            pairs[start : start + FRAMES_AT_A_TIME] for start in range(0, len(pairs), FRAMES_AT_A_TIME)
        ]
        return [look for looks in self._each(self._look, batches) for look in looks]

    def read_originals(self, paths: Iterable[tuple[bytes, bool]]) -> list[Original]:
        """Originals read again, in order; with their content's hash where the second part says so."""
        return self._each(lambda task: self._read(*task), paths)

    def encode(
        self, paths: Sequence[Path], precision: Precision | None = None
    ) -> list[tuple[Values, ...] | None]:
        """The vectors of kept frames today, one per space; None for a frame that could not be encoded.

        In the arithmetic of the settings, or in another. Where the model itself cannot be loaded,
        `unloadable` says why.
        """
        options = self.tools.model.options
        if precision is not None:
            options = replace(options, precision=precision)
        found: list[tuple[Values, ...] | None] = []
        for start in range(0, len(paths), stages.BATCH):
            batch = list(paths[start : start + stages.BATCH])
            vectors = self._encode(batch, options)
            if vectors is None and len(batch) > 1:
                for path in batch:
                    found += self._encode([path], options) or [None]
            else:
                found += vectors or [None]
        return found

    def _look(self, batch: Sequence[tuple[Path, Path, bool]]) -> list[KeptLook]:
        try:
            found: list[KeptLook] = self.decoders.call(
                f"{JOBS}:look_at_kept", list(batch), timeout_s=self.tools.limits.stall_timeout_s
            )
        except WorkerError as error:
            if len(batch) == 1:
                damaged = FileLook(state="unreadable", damage=str(error))
                return [KeptLook(frame=damaged, thumbnail=damaged)]
            return [look for pair in batch for look in self._look([pair])]
        return found

    def _read(self, path: bytes, hashed: bool) -> Original:
        limits = self.tools.limits
        try:
            with self.tools.originals.local(path) as local:
                found: Original = self.decoders.call(
                    f"{JOBS}:read_original",
                    local,
                    limits.max_pixels,
                    hashed,
                    timeout_s=limits.stall_timeout_s,
                )
        except UnreadableFile:  # of an upload: there, and not what it was
            return Original(content_hash=NO_CONTENT)
        except WorkerError:
            return Original(unreadable=True)  # a busy machine, perhaps; the index run is where this is data
        return found

    def _encode(self, paths: list[Path], options: LoadOptions) -> list[tuple[Values, ...] | None] | None:
        """None where the batch as a whole could not be encoded."""
        if self.unloadable is not None:
            return [None] * len(paths)
        model, timeout_s = self.tools.model, self.tools.limits.image_timeout_s * len(paths)
        if options != model.options:
            timeout_s += stages.WARM_TIMEOUT_S  # the workers are not warm in this arithmetic
        try:
            found: list[Any] = self.encoders.call(
                f"{stages.WORK}:encode", model.row.name, options, paths, timeout_s=timeout_s
            )
        except (WorkerError, VectorFault):
            return None
        except ModelError as error:
            self.unloadable = str(error)
            return [None] * len(paths)
        return [tuple(values.astype(np.float32) for values in encoded.vectors) or None for encoded in found]

    def _each(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
        """The results in order, as many at a time as there are workers."""
        waiting = list(tasks)
        if not waiting:
            return []
        with ThreadPoolExecutor(self.tools.workers, thread_name_prefix="verify") as pool:
            return list(pool.map(work, waiting))
