"""The smallest interface of something that runs weights: named arrays in, named arrays out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Precision = Literal["auto", "fp32", "bf16"]

PROOF_COSINE = 0.99
PRECISIONS: tuple[Precision, ...] = ("auto", "fp32", "bf16")


@dataclass(frozen=True, kw_only=True, slots=True)
class Port:
    """One input or output of a graph. The first dimension is the batch; None means any size."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """One item whose results are known: what a graph must give on this machine before it is trusted.

    Each array has a first dimension of 1. An output agrees when its cosine to the known one is at least
    PROOF_COSINE, which bf16 keeps and a wrong kernel does not.
    """

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionOptions:
    """How weights are run.

    `batches` are the batch sizes that get a compiled graph of their own, each when first needed. A remainder
    is padded where it fills half a batch, else cut into smaller ones. `outputs` are the tensors to give, by
    name; they may lie inside the graph, which then ends there. `sizes` fixes what a graph leaves free besides
    the batch: an input's name → its sizes after the first, None for one that stays free.
    """

    precision: Precision = "auto"  # auto: bf16 where the processor has it, else fp32
    threads: int = 0  # 0: as many as the machine has cores
    requests: int = 2  # batches in flight at once
    batches: tuple[int, ...] = (1, 16)
    cache_dir: Path | None = None  # where compiled graphs are kept; None: nowhere
    outputs: tuple[str, ...] = ()  # none: all the graph's own
    sizes: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)


class Session(ABC):
    """Weights ready to run. Safe to call from one thread at a time."""

    device: str  # "cpu"
    precision: str  # what it really runs in: "fp32" or "bf16"
    batch: int  # items that fill every request in flight once; a good number to hand over at a time

    @property
    @abstractmethod
    def inputs(self) -> tuple[Port, ...]:
        """What goes in, as the graph says."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[Port, ...]:
        """What comes out."""

    @abstractmethod
    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run n items.

        Every input has n as its first dimension and the port's dtype; every output comes back with n as its
        first dimension. n = 0 gives empty outputs. Raises ModelError where names or shapes do not fit, or
        the runtime fails.
        """

    @abstractmethod
    def close(self) -> None:
        """Let the weights go. Running afterwards is an error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
