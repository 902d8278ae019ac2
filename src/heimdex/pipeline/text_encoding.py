"""Texts to vectors, in a worker process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heimdex.encoders.encoder import Rows
from heimdex.entities import Values
from heimdex.errors import ModelError, ModelUnavailable, WorkerError
from heimdex.extractors.passages import estimated_tokens, passages
from heimdex.extractors.summaries import mean_of
from heimdex.pipeline.tools import TextModel, Tools
from heimdex.pipeline.worker import Report
from heimdex.pipeline.workers import Warmth, WorkerPool

WORK = "heimdex.pipeline.text_work"
BATCH = 64  # texts sent to the worker at a time
WARM_TIMEOUT_S = 180.0  # the first load compiles the graph
TEXT_TIMEOUT_S = 2.0  # for one text; of a batch they add up
LEAST_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """The vector of a text, float32, norm 1, or why there is none."""

    values: Values | None = None
    error: str | None = None
    passages: int = 0  # it was read in
    took_ms: float = 0.0


class TextEncoding:
    """One text model on a worker process of its own, started when first needed."""

    def __init__(self, tools: Tools, model: TextModel) -> None:
        self.model = model
        warmth = Warmth(
            function=f"{WORK}:warm", args=(model.row.name, model.options), timeout_s=WARM_TIMEOUT_S
        )
        limit = tools.limits.worker_memory_bytes
        # As read, as compiled, and what compiling takes for a while.
        self._pool = WorkerPool(
            1, memory_limit_bytes=limit and limit + 4 * model.row.size_bytes, warmth=warmth
        )

    def close(self) -> None:
        """End the process."""
        self._pool.close()

    def embed(self, texts: Iterable[Sequence[str]], report: Report) -> list[Embedded]:
        """The vector of each text, given as its sentences: the mean of its passages', by their lengths.

        What a model reads at once is limited: the starter would not see the end of what is said in a long
        scene. Raises ModelUnavailable where the model does not load.
        """
        divided = [passages(sentences, self.model.row.context_length) for sentences in texts]
        pieces = list(dict.fromkeys(piece for parts in divided for piece in parts))
        found = self._encode_all(pieces, report)
        return [_together([found[piece] for piece in parts], parts) for parts in divided]

    def _encode_all(self, pieces: Sequence[str], report: Report) -> dict[str, Embedded]:
        found: dict[str, Embedded] = {}
        for start in range(0, len(pieces), BATCH):
            report(None)
            batch = pieces[start : start + BATCH]
            try:
                found |= self._encode(batch)
            except (WorkerError, ModelError) as error:
                if isinstance(error, ModelUnavailable):
                    raise
                # Somebody in this batch is the culprit: one by one, so that it costs one text.
                for piece in batch:
                    report(None)
                    found |= self._encode_alone(piece)
        return found

    def _encode_alone(self, piece: str) -> dict[str, Embedded]:
        try:
            return self._encode([piece])
        except ModelUnavailable:
            raise
        except (WorkerError, ModelError) as error:
            return {piece: Embedded(error=str(error), passages=1)}

    def _encode(self, pieces: Sequence[str]) -> dict[str, Embedded]:
        began_s = time.perf_counter()
        rows: Rows = self._pool.call(
            f"{WORK}:encode",
            self.model.row.name,
            self.model.options,
            list(pieces),
            timeout_s=max(LEAST_TIMEOUT_S, TEXT_TIMEOUT_S * len(pieces)),
        )
        each_ms = (time.perf_counter() - began_s) * 1000 / len(pieces)
        return {
            piece: Embedded(values=values, passages=1, took_ms=each_ms)
            for piece, values in zip(pieces, rows, strict=True)
        }


def _together(parts: Sequence[Embedded], pieces: Sequence[str]) -> Embedded:
    """One vector of several passages; of none where one of them has none."""
    took_ms = sum(part.took_ms for part in parts)
    error = next((part.error for part in parts if part.error is not None), None)
    values = [part.values for part in parts if part.values is not None]
    if error is not None or not values:
        return Embedded(error=error or "no words", passages=len(parts), took_ms=took_ms)
    mean = values[0] if len(values) == 1 else mean_of(values, [estimated_tokens(piece) for piece in pieces])
    return Embedded(values=mean, passages=len(parts), took_ms=took_ms)
