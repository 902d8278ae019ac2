"""Sessions on torch: the same ONNX graphs, for CUDA. On the processor too, where tests compare the two.

Import this module only where torch is wanted; `devices.choose` says whether it can be had.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from heimdex.errors import ModelError, ModelUnavailable
from heimdex.inference.batches import agrees, count_items, empty_outputs, plan, take
from heimdex.inference.devices import INSTALL, choose
from heimdex.inference.session import PRECISIONS, Array, Port, Proof, Session, SessionOptions
from heimdex.inference.weights import VerifiedFile

try:
    import torch

    from heimdex.inference.torch_graph import Graph, read_graph
    from heimdex.inference.torch_program import Shapes, Translation, arrays_of
except ImportError as err:
    raise ModelUnavailable(f"torch cannot be loaded ({err}). `{INSTALL}`, or device cpu.") from err

log = logging.getLogger(__name__)

PROGRAMS_KEPT = 16  # shapes with a program ready; texts have one for each length
CUDA_BATCH = 64  # items; what a graph that takes many gets at a time on a card, whatever is asked for the cpu
COMPILED_FROM = 4  # items in a batch; smaller ones end before a compilation would have paid


@dataclass(frozen=True, kw_only=True)
class _Running:
    """A batch whose results are on their way."""

    results: tuple[torch.Tensor, ...]  # on the processor, pinned
    done: Any  # torch.cuda.Event; None on the processor, where all is done at once


class TorchSession(Session):
    """One graph on one device. Weights are on it once, whatever the batch sizes."""

    def __init__(
        self,
        weights: VerifiedFile,
        options: SessionOptions,
        proof: Proof | None = None,
        *,
        device: str = "auto",
        compiled: bool = True,
    ) -> None:
        """Weights are read on first use; the program for each shape must then give the proof's outputs.

        `compiled`: large batches of pictures go through torch.compile on CUDA, which takes a minute at first.
        Raises ModelError for options that make no sense, ModelUnavailable where the device cannot be had.
        """
        if options.precision not in PRECISIONS or min(options.batches, default=0) < 1 or options.requests < 1:
            raise ModelError(f"A session cannot be opened with {options}.")
        self.device = choose(device)
        bf16 = options.precision == "bf16" or (options.precision == "auto" and self.device == "cuda")
        self.precision = "bf16" if bf16 else "fp32"
        many = self.device == "cuda" and max(options.batches) > 1
        self._sizes = tuple(sorted({*options.batches, *([CUDA_BATCH] if many else [])}))
        self.batch = self._sizes[-1] * options.requests
        self._weights, self._options, self._proof = weights, options, proof
        self._compiled = compiled and self.device == "cuda"
        self._graph: Graph | None = None
        self._programs: OrderedDict[Shapes, Any] = OrderedDict()
        self._ports: tuple[Port, ...] = ()
        self._closed = False

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The graph's inputs."""
        return self._read().inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The graph's outputs, or those that were asked for; sizes it leaves free count as one."""
        if not self._ports:
            shapes = tuple(
                (port.name, tuple(size or 1 for size in port.shape)) for port in self._read().inputs
            )
            self._ports = self._translation(shapes).ports()
        return self._ports

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run n items; see Session.run. Batches go into flight together and come back in order."""
        if self._closed:
            raise ModelError(f"The session of {self._weights.path.name} is closed.")
        count = count_items(self._weights.path.name, self.inputs, inputs)
        parts: list[dict[str, Array]] = []
        try:
            for size, starts in groupby(plan(count, self._sizes), key=lambda batch: batch[1]):
                parts += self._in_flight(take(inputs, start, size) for start, _ in starts)
        except (RuntimeError, MemoryError) as err:  # torch's out-of-memory is a RuntimeError
            raise ModelError(f"Running {self._weights.path.name} failed: {_first_line(err)}") from err
        if not parts:
            return empty_outputs(self.outputs)
        return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}

    def program(self, *placed: Any) -> Any:
        """Run one batch of tensors that are on the device, in the order of the inputs; results stay there."""
        shapes = tuple(
            (port.name, tuple(tensor.shape)) for port, tensor in zip(self.inputs, placed, strict=True)
        )
        return self._program(shapes)(*placed)

    def close(self) -> None:
        """Let weights and programs go, and give the card's memory back."""
        self._closed = True
        self._programs.clear()
        self._graph = None
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def _read(self) -> Graph:
        if self._graph is None:
            if self.device == "cuda" and not torch.cuda.is_available():
                raise ModelUnavailable(f"torch finds no CUDA here. `{INSTALL}`, or set HEIMDEX_DEVICE=cpu.")
            self._graph = read_graph(self._weights.path, self._options.outputs)
        return self._graph

    def _in_flight(self, batches: Iterator[dict[str, Array]]) -> Iterator[dict[str, Array]]:
        """Copies to the card, work and copies back overlap, `requests` batches at a time."""
        running: deque[_Running] = deque()
        for batch in batches:
            running.append(self._start(batch))
            if len(running) == self._options.requests:
                yield self._finish(running.popleft())
        while running:
            yield self._finish(running.popleft())

    def _start(self, batch: Mapping[str, Array]) -> _Running:
        program = self._program(tuple((name, array.shape) for name, array in batch.items()))
        with torch.inference_mode():
            given = [_tensor(batch[port.name]) for port in self.inputs]
            if self.device == "cpu":
                return _Running(results=program(*given), done=None)
            # Only from pinned memory does a copy run beside the work before it.
            placed = [tensor.pin_memory().to(self.device, non_blocking=True) for tensor in given]
            results = []
            for found in program(*placed):
                home = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
                results.append(home.copy_(found, non_blocking=True))
            done = torch.cuda.Event()
            done.record()
            return _Running(results=tuple(results), done=done)

    def _finish(self, running: _Running) -> dict[str, Array]:
        if running.done is not None:
            running.done.synchronize()
        return arrays_of(running.results, self._read())

    def _program(self, shapes: Shapes) -> Any:
        if shapes in self._programs:
            self._programs.move_to_end(shapes)
            return self._programs[shapes]
        program = self._translated(shapes)
        if not self._is_right(program, shapes):
            raise ModelError(
                f"{self._weights.path.name} computes wrong values here in {self.precision} with torch "
                f"{torch.__version__} on {self.device}. Try precision fp32, or device cpu."
            )
        self._programs[shapes] = program
        if len(self._programs) > PROGRAMS_KEPT:
            self._programs.popitem(last=False)
        return program

    def _translation(self, shapes: Shapes) -> Translation:
        precision = torch.bfloat16 if self.precision == "bf16" else torch.float32
        return Translation(self._read(), shapes, device=self.device, precision=precision)

    def _translated(self, shapes: Shapes) -> Any:
        module = self._translation(shapes).module()
        fixed = all(None not in port.shape[1:] for port in self.inputs)
        if not (self._compiled and fixed and shapes[0][1][0] >= COMPILED_FROM):
            return module
        compiled = torch.compile(module, dynamic=False)
        try:
            with torch.inference_mode():
                blank = [torch.zeros(size, device=self.device) for _, size in shapes]
                compiled(*blank)
        except (
            Exception
        ) as err:  # no compiler here, or one that fails: whatever it raises, the plain one runs
            log.warning("torch.compile failed (%s); running uncompiled.", _first_line(err))
            return module
        return compiled

    def _is_right(self, program: Any, shapes: Shapes) -> bool:
        if self._proof is None:
            return True
        sizes = dict(shapes)
        given = take(self._proof.inputs, 0, shapes[0][1][0])
        if any(array.shape != sizes[name] for name, array in given.items()):
            return True  # texts of another length: the proof's own length is proved when it comes up
        with torch.inference_mode():
            placed = [_tensor(given[port.name]).to(self.device) for port in self.inputs]
            found = tuple(tensor.cpu() for tensor in program(*placed))
        return agrees(arrays_of(found, self._read()), self._proof)


def _tensor(array: Array) -> torch.Tensor:
    # Torch warns of memory that may not be written, though nothing here would.
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _first_line(err: BaseException) -> str:
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return lines[0] if lines else type(err).__name__
