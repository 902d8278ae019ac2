"""ONNX operators that only move, cut and count: as torch functions.

What a graph computes of shapes, axes and places comes as tensors, or as plain numbers where `torch_program`
knows them already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch

Tensor: TypeAlias = Any
"""A torch.Tensor. Types are checked where torch need not be installed."""


def numbers(tensor: Tensor | Sequence[int] | None) -> list[int]:
    """A known tensor of whole numbers as a list; nothing as an empty one."""
    if tensor is None:
        return []
    return [
        int(value) for value in (tensor.flatten().tolist() if isinstance(tensor, torch.Tensor) else tensor)
    ]


def gather(x: Tensor, places: Tensor | int, *, axis: int = 0) -> Tensor:
    """Members of one dimension, by their places; a plain number takes that dimension away."""
    axis %= x.ndim
    if isinstance(places, int):
        return x.select(axis, places)
    places = places.to(torch.int64)
    places = torch.where(places < 0, places + x.shape[axis], places)
    found = torch.index_select(x, axis, places.flatten())
    return found.reshape([*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]])


def gather_elements(x: Tensor, places: Tensor, *, axis: int = 0) -> Tensor:
    """One member for each place."""
    return torch.gather(x, axis, torch.where(places < 0, places + x.shape[axis], places))


def gather_nd(x: Tensor, places: Tensor, *, batch_dims: int = 0) -> Tensor:
    """Members by their whole address, the last dimension of `places`."""
    if batch_dims:
        raise NotImplementedError("GatherND within batches")
    return x[tuple(places.to(torch.int64).unbind(-1))]


def reshape(x: Tensor, shape: Tensor, *, allowzero: int = 0) -> Tensor:
    """A 0 keeps the dimension, -1 takes what is left."""
    wanted = numbers(shape)
    if not allowzero:
        wanted = [size or x.shape[index] for index, size in enumerate(wanted)]
    return x.reshape(wanted)


def transpose(x: Tensor, *, perm: Sequence[int] | None = None) -> Tensor:
    """Dimensions in another order; without one, reversed."""
    return x.permute(list(perm) if perm is not None else list(reversed(range(x.ndim))))


def unsqueeze(x: Tensor, places: Tensor | None = None, *, axes: Sequence[int] = ()) -> Tensor:
    """New dimensions of size one."""
    wanted = numbers(places) or list(axes)
    total = x.ndim + len(wanted)
    for axis in sorted(axis % total for axis in wanted):
        x = x.unsqueeze(axis)
    return x


def squeeze(x: Tensor, places: Tensor | None = None, *, axes: Sequence[int] = ()) -> Tensor:
    """Without these dimensions of size one, or all of them."""
    wanted = numbers(places) or list(axes)
    return x.squeeze([axis % x.ndim for axis in wanted]) if wanted else x.squeeze()


def slices(
    x: Tensor,
    begins: Tensor | None = None,
    ends_at: Tensor | None = None,
    along: Tensor | None = None,
    steps: Tensor | None = None,
    *,
    starts: Sequence[int] = (),
    ends: Sequence[int] = (),
    axes: Sequence[int] = (),
) -> Tensor:
    """A part of some dimensions."""
    first, last = numbers(begins) or list(starts), numbers(ends_at) or list(ends)
    dimensions = numbers(along) or list(axes) or list(range(len(first)))
    strides = numbers(steps) or [1] * len(first)
    for start, end, axis, step in zip(first, last, dimensions, strides, strict=True):
        if step < 1:
            raise NotImplementedError("a Slice that goes backwards")
        begin, stop, _ = slice(start, end).indices(x.shape[axis])
        x = x.narrow(axis, begin, max(stop - begin, 0))
        if step > 1:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(None, None, step),)]
    return x


def split(
    x: Tensor, sizes: Tensor | None = None, *, axis: int = 0, split: Sequence[int] = (), num_outputs: int = 0
) -> Any:
    """Pieces of one dimension."""
    lengths = numbers(sizes) or list(split)
    if lengths:
        return torch.split(x, lengths, axis)
    return torch.split(x, -(-x.shape[axis] // num_outputs), axis)


def expand(x: Tensor, shape: Tensor) -> Tensor:
    """Repeated to a shape, both ways."""
    return x.expand(torch.broadcast_shapes(x.shape, numbers(shape)))


def constant_of_shape(shape: Tensor, *, value: Tensor | None = None) -> Tensor:
    """One value everywhere; float32 nought by default."""
    filling = torch.zeros(1) if value is None else value
    return torch.full(numbers(shape), filling.item(), dtype=filling.dtype)


def span(start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    """Numbers from start up to limit."""
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def trilu(x: Tensor, k: Tensor | None = None, *, upper: int = 1) -> Tensor:
    """One triangle of the last two dimensions."""
    diagonal = 0 if k is None else int(k.item())
    return torch.triu(x, diagonal) if upper else torch.tril(x, diagonal)


def concatenate(*parts: Tensor, axis: int) -> Tensor:
    """One after the other."""
    return torch.cat(parts, axis)


def running_sum(x: Tensor, axis: Any, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
    """Along one dimension."""
    if exclusive or reverse:
        raise NotImplementedError("a CumSum from the other end")
    return torch.cumsum(x, numbers(axis)[0])


def shape_of(x: Tensor, *, start: int = 0, end: int | None = None) -> Tensor:
    """The sizes as numbers."""
    return torch.tensor(list(x.shape)[start:end], dtype=torch.int64)


def tile(x: Tensor, times: Any) -> Tensor:
    """Repeated along each dimension."""
    return x.repeat(numbers(times))


def where(condition: Tensor, one: Any, two: Any) -> Tensor:
    """One or the other."""
    return torch.where(condition, one, two)


def flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    """Two dimensions, parted at `axis`."""
    return x.reshape(math.prod(x.shape[:axis]), -1)


def identity(x: Tensor, *_: Any, **__: Any) -> Tensor:
    """As it came; a Dropout at inference too."""
    return x
