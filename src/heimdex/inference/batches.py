"""What every session does with its inputs: check them, cut them into batches, compare with what is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from heimdex.errors import ModelError
from heimdex.inference.session import PROOF_COSINE, Array, Port, Proof


def count_items(name: str, ports: Sequence[Port], inputs: Mapping[str, Array]) -> int:
    """How many items these inputs are. Raises ModelError, naming the graph, where they fit no port."""
    counts = {array.shape[0] if array.ndim else -1 for array in inputs.values()}
    known = {port.name: port for port in ports}
    if inputs.keys() != known.keys() or len(counts) != 1:
        raise ModelError(f"{name} takes {sorted(known)}, all with the same first size.")
    for port in ports:
        array = inputs[port.name]
        sizes = zip(array.shape[1:], port.shape[1:], strict=False)
        fits = array.ndim == len(port.shape) and all(want in (None, size) for size, want in sizes)
        if not fits or array.dtype != port.dtype:
            raise ModelError(
                f"{name} takes {port.name} as {port.shape} of {port.dtype}, "
                f"not {array.shape} of {array.dtype}."
            )
    return counts.pop()


def plan(count: int, sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Batches as (start, size), from ascending sizes.

    A remainder is padded where it fills half a batch, else cut smaller.
    """
    start = 0
    while start < count:
        rest = count - start
        size = next(size for size in reversed(sizes) if rest * 2 >= size or size == sizes[0])
        yield start, size
        start += size


def take(inputs: Mapping[str, Array], start: int, size: int) -> dict[str, Array]:
    """`size` items from `start`, the last one repeated where there are not so many."""
    parts = {}
    for name, array in inputs.items():
        part = array[start : start + size]
        if len(part) < size:
            part = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
        parts[name] = np.ascontiguousarray(part)
    return parts


def empty_outputs(ports: Sequence[Port]) -> dict[str, Array]:
    """What no items give."""
    return {port.name: np.empty((0, *(size or 0 for size in port.shape[1:])), port.dtype) for port in ports}


def agrees(found: Mapping[str, Array], proof: Proof) -> bool:
    """Whether every item of these outputs, all made of the proof's one, is what the proof knows."""
    return all(
        cosine(row, known[0]) >= PROOF_COSINE for name, known in proof.outputs.items() for row in found[name]
    )


def cosine(one: Array, two: Array) -> float:
    """Of two arrays taken as vectors; -1 where it is not a number."""
    one, two = one.astype(np.float64).ravel(), two.astype(np.float64).ravel()
    with np.errstate(invalid="ignore", divide="ignore"):
        found = one @ two / (np.linalg.norm(one) * np.linalg.norm(two))
    return float(found) if np.isfinite(found) else -1.0
