"""Sessions on OpenVINO: ONNX in, compiled for this processor, kept compiled for the next process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from heimdex.errors import ModelError
from heimdex.inference.batches import agrees, count_items, empty_outputs, plan, take
from heimdex.inference.compiled_cache import CompiledCache
from heimdex.inference.openvino_runtime import core, has_bf16, name_of, openvino, processor, read
from heimdex.inference.session import PRECISIONS, Array, Port, Proof, Session, SessionOptions
from heimdex.inference.weights import VerifiedFile

HINTS = {"fp32": "f32", "bf16": "bf16"}  # our word → OpenVINO's


class OpenVinoSession(Session):
    """One graph, compiled once for each batch size when that size is first needed."""

    device = "cpu"

    def __init__(self, weights: VerifiedFile, options: SessionOptions, proof: Proof | None = None) -> None:
        """Weights are read on first use; each compiled graph must then give the proof's outputs.

        Raises ModelError for options that make no sense.
        """
        if options.precision not in PRECISIONS or min(options.batches, default=0) < 1 or options.requests < 1:
            raise ModelError(f"A session cannot be opened with {options}.")
        bf16 = options.precision == "bf16" or (options.precision == "auto" and has_bf16())
        self.precision = "bf16" if bf16 else "fp32"
        self.batch = max(options.batches) * options.requests
        self._weights, self._options, self._proof = weights, options, proof
        self._sizes = tuple(sorted(set(options.batches)))
        self._cache = CompiledCache(options.cache_dir) if options.cache_dir else None
        self._compiled: dict[int, Any] = {}
        self._requests: dict[int, list[Any]] = {}
        self._closed = False

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The graph's inputs."""
        return tuple(_port(port) for port in self._graph(self._any_size()).inputs)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The graph's outputs, or those that were asked for."""
        graph = self._graph(self._any_size())
        wanted = self._options.outputs
        if wanted:
            return tuple(_port(graph.output(name), name) for name in wanted)
        return tuple(_port(port) for port in graph.outputs)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run n items; see Session.run. Batches go into flight together and come back in order."""
        count = self._count(inputs)
        parts: list[dict[str, Array]] = []
        try:
            for size, starts in groupby(plan(count, self._sizes), key=lambda batch: batch[1]):
                parts += self._in_flight(size, [take(inputs, start, size) for start, _ in starts])
        except RuntimeError as err:
            self._requests.clear()  # what is still in flight there must not meet the next run
            raise ModelError(f"Running {self._weights.path.name} failed: {_first_line(err)}") from err
        if not parts:
            return empty_outputs(self.outputs)
        return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}

    def close(self) -> None:
        """Let the compiled graphs go."""
        self._closed = True
        self._requests.clear()
        self._compiled.clear()

    def _count(self, inputs: Mapping[str, Array]) -> int:
        if self._closed:
            raise ModelError(f"The session of {self._weights.path.name} is closed.")
        return count_items(self._weights.path.name, self.inputs, inputs)

    def _any_size(self) -> int:
        return next(iter(self._compiled), self._sizes[0])

    def _in_flight(self, size: int, batches: Sequence[dict[str, Array]]) -> Iterator[dict[str, Array]]:
        # Not AsyncInferQueue: with a call-back set, most processes abort when they end (OpenVINO 2026.4).
        requests = self._requests_of(size)
        ahead = len(requests)
        for index in range(len(batches) + ahead):
            request = requests[index % ahead]
            if index >= ahead:
                request.wait()
                yield self._outputs(request)
            if index < len(batches):
                request.start_async(batches[index])

    def _requests_of(self, size: int) -> list[Any]:
        if size not in self._requests:
            graph = self._graph(size)
            self._requests[size] = [graph.create_infer_request() for _ in range(self._options.requests)]
        return self._requests[size]

    def _graph(self, size: int) -> Any:
        if size not in self._compiled:
            self._compiled[size] = self._load(size)
        return self._compiled[size]

    def _load(self, size: int) -> Any:
        key = self._key(size)
        kept = self._import(key)
        if kept is not None and self._is_right(kept, size):
            return kept
        compiled = self._compile(size)
        if not self._is_right(compiled, size):
            raise ModelError(
                f"{self._weights.path.name} computes wrong values here in {self.precision} with OpenVINO "
                f"{openvino().get_version()}. Try precision fp32, or another version of OpenVINO."
            )
        if self._cache:
            self._cache.write(key, compiled.export_model().getbuffer())
        return compiled

    def _import(self, key: str) -> Any:
        blob = self._cache.read(key) if self._cache else None
        if blob is None:
            return None
        try:
            return core().import_model(openvino().Tensor(blob), "CPU", self._settings())
        except RuntimeError:
            return None  # sound bytes that this build cannot use: they are made again and replaced

    def _is_right(self, compiled: Any, size: int) -> bool:
        if self._proof is None:
            return True
        request = compiled.create_infer_request()
        found = request.infer(take(self._proof.inputs, 0, size))
        return agrees({name: found[compiled.output(name)] for name in self._proof.outputs}, self._proof)

    def _compile(self, size: int) -> Any:
        try:
            model = read(self._weights.path, self._options.outputs)
            shapes = {}
            for port in model.inputs:
                shape = port.get_partial_shape()
                shape[0] = size
                for axis, wanted in enumerate(self._options.sizes.get(name_of(port), ()), start=1):
                    if wanted is not None:
                        shape[axis] = wanted
                shapes[name_of(port)] = shape
            model.reshape(shapes)
            return core().compile_model(model, "CPU", self._settings())
        except RuntimeError as err:
            raise ModelError(f"{self._weights.path} cannot be compiled: {_first_line(err)}") from err

    def _outputs(self, request: Any) -> dict[str, Array]:
        # Copied: the next batch of this request writes into the same memory.
        if self._options.outputs:
            return {name: np.array(request.get_tensor(name).data) for name in self._options.outputs}
        return {port.get_any_name(): np.array(values) for port, values in request.results.items()}

    def _settings(self) -> dict[str, Any]:
        threads = {"INFERENCE_NUM_THREADS": self._options.threads} if self._options.threads else {}
        return {
            "INFERENCE_PRECISION_HINT": HINTS[self.precision],
            # With two streams OpenVINO 2026.4 now and then computes garbage from int8 weights; one is as
            # fast on few cores (docs/decisions/0010-openvino.md).
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # worker processes side by side would pin to the same cores
            **threads,
        }

    def _key(self, size: int) -> str:
        facts = [self._weights.sha256, processor(), self.precision, str(size)]
        if self._options.outputs or self._options.sizes:
            facts.append(f"{self._options.outputs} {sorted(self._options.sizes.items())}")
        return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:40]


def _port(port: Any, name: str | None = None) -> Port:
    sizes = [
        dimension.get_length() if dimension.is_static else None for dimension in port.get_partial_shape()
    ]
    dtype = np.dtype(port.get_element_type().to_dtype())
    return Port(name=name or name_of(port), dtype=dtype, shape=(None, *sizes[1:]))


def _first_line(err: Exception) -> str:
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return lines[-1] if lines else type(err).__name__
