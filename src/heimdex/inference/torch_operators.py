"""ONNX operators as torch functions: what the graphs of encoders are made of, and no more.

Every function takes the node's inputs as tensors (None where one is left out) and its attributes by name.
Products are taken in the precision of the program; the rest follows torch's promotion, except that means come
out in float32, as norms need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as functional

from heimdex.inference.torch_shapes import Tensor, numbers

Operator = Callable[..., Any]

# TensorProto.DataType → torch
DTYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}


def wide(tensor: Tensor) -> Tensor:
    """float32 where it is a shorter float."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def product(first: Tensor, second: Tensor, precision: torch.dtype) -> Tensor:
    """A matrix product in the program's precision; of whole numbers as it is."""
    if first.is_floating_point():
        first, second = first.to(precision), second.to(precision)
    return torch.matmul(first, second)


def gemm(
    first: Tensor,
    second: Tensor,
    third: Tensor | None = None,
    *,
    precision: torch.dtype,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803  # ONNX's names
    transB: int = 0,  # noqa: N803
) -> Tensor:
    """Alpha · A · B + beta · C."""
    found = product(first.mT if transA else first, second.mT if transB else second, precision)
    found = found if alpha == 1.0 else found * alpha
    return found if third is None else found + (third if beta == 1.0 else third * beta)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    precision: torch.dtype,
    scale: float = 1.0,
) -> Tensor:
    """softmax(scale · query · key + mask) · value; `key` comes as the product wants it, (…, dim, length)."""
    query, key, value = (part.to(precision) for part in (query, key.mT, value))
    mask = None if mask is None else mask.to(precision)
    flat = query.ndim == 3  # the fast kernels want four dimensions
    if flat:
        query, key, value = (part.unsqueeze(0) for part in (query, key, value))
    found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)
    return found.squeeze(0) if flat else found


def convolution(
    picture: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    *,
    precision: torch.dtype,
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
    auto_pad: str = "NOTSET",
    kernel_shape: Sequence[int] = (),  # the kernel says so itself
) -> Tensor:
    """A convolution over (n, channels, height, width)."""
    picture = padded(picture.to(precision), pads, auto_pad)
    bias = None if bias is None else bias.to(precision)
    return functional.conv2d(
        picture, kernel.to(precision), bias, list(strides), 0, list(dilations), groups=group
    )


def padded(picture: Tensor, pads: Sequence[int], auto_pad: str = "NOTSET", value: float = 0.0) -> Tensor:
    """Edges as ONNX gives them (top, left, bottom, right) put round a picture."""
    if auto_pad not in ("NOTSET", "VALID"):
        raise NotImplementedError(f"auto_pad {auto_pad}")
    if auto_pad == "VALID" or not any(pads):
        return picture
    top, left, bottom, right = pads
    return functional.pad(picture, (left, right, top, bottom), value=value)


def max_pool(
    picture: Tensor,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
    ceil_mode: int = 0,
    auto_pad: str = "NOTSET",
    storage_order: int = 0,  # of indices, which nobody asks for
) -> Tensor:
    """The largest of each window."""
    picture = padded(picture, pads, auto_pad, -math.inf)
    return functional.max_pool2d(
        picture, list(kernel_shape), list(strides), 0, list(dilations), ceil_mode=bool(ceil_mode)
    )


def average_pool(
    picture: Tensor,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    ceil_mode: int = 0,
    auto_pad: str = "NOTSET",
    count_include_pad: int = 0,
) -> Tensor:
    """The mean of each window."""
    if any(pads) and not count_include_pad:
        raise NotImplementedError("an AveragePool that leaves its edges out")
    picture = padded(picture, pads, auto_pad)
    return functional.avg_pool2d(picture, list(kernel_shape), list(strides), ceil_mode=bool(ceil_mode))


def batch_norm(
    picture: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Tensor:
    """As at inference. (Ioffe and Szegedy 2015.)"""
    gain = scale.float() / torch.sqrt(variance.float() + epsilon)
    shift = bias.float() - mean.float() * gain
    shape = [1, -1, *[1] * (picture.ndim - 2)]
    return (picture * gain.reshape(shape) + shift.reshape(shape)).to(picture.dtype)


def layer_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Tensor:
    """Over the last dimensions from `axis`. (Ba et al. 2016.)"""
    shape = list(x.shape[axis:])
    bias = None if bias is None else bias.float()
    return functional.layer_norm(wide(x), shape, scale.float(), bias, epsilon).to(x.dtype)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """Hendrycks and Gimpel 2016."""
    return functional.gelu(x, approximate=approximate)


def clip(x: Tensor, least: Any = None, most: Any = None, *, min: Any = None, max: Any = None) -> Tensor:  # noqa: A002
    """Limits come as inputs, or as attributes before opset 11."""
    return torch.clamp(x, min if least is None else least, max if most is None else most)


def cast(x: Tensor, *, to: int, precision: torch.dtype, saturate: int = 1) -> Tensor:
    """A cast to float32 keeps the program's precision: exporters put such casts everywhere."""
    wanted = DTYPES[to]
    return x if x.dtype == precision and wanted == torch.float32 else x.to(wanted)


def argmax(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
    """Where the largest stands, the first of equals. Of whole numbers as of others."""
    if select_last_index:
        raise NotImplementedError("ArgMax of the last of equals")
    return torch.argmax(x, axis, keepdim=bool(keepdims))


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """In float32, given back in what came."""
    return torch.softmax(wide(x), axis).to(x.dtype)


def _dimensions(x: Tensor, places: Tensor | Sequence[int] | None, axes: Sequence[int]) -> list[int]:
    return numbers(places) or list(axes) or list(range(x.ndim))


def reduce_mean(
    x: Tensor,
    places: Any = None,
    *,
    axes: Sequence[int] = (),
    keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> Tensor:
    """In float32: norms are made of it."""
    return torch.mean(wide(x), _dimensions(x, places, axes), bool(keepdims))


def reduce_sum(
    x: Tensor,
    places: Any = None,
    *,
    axes: Sequence[int] = (),
    keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> Tensor:
    """In float32."""
    return torch.sum(wide(x), _dimensions(x, places, axes), bool(keepdims))


def reduce_max(
    x: Tensor,
    places: Any = None,
    *,
    axes: Sequence[int] = (),
    keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> Tensor:
    """The largest."""
    return torch.amax(x, _dimensions(x, places, axes), bool(keepdims))


def reduce_min(
    x: Tensor,
    places: Any = None,
    *,
    axes: Sequence[int] = (),
    keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> Tensor:
    """The smallest."""
    return torch.amin(x, _dimensions(x, places, axes), bool(keepdims))


def reduce_prod(
    x: Tensor,
    places: Any = None,
    *,
    axes: Sequence[int] = (),
    keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> Tensor:
    """Of shapes, mostly."""
    for axis in sorted((axis % x.ndim for axis in _dimensions(x, places, axes)), reverse=True):
        x = torch.prod(x, axis, bool(keepdims))
    return x


def reduce_l2(
    x: Tensor,
    places: Any = None,
    *,
    axes: Sequence[int] = (),
    keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> Tensor:
    """The length of a vector, in float32."""
    return torch.linalg.vector_norm(wide(x), dim=_dimensions(x, places, axes), keepdim=bool(keepdims))


def global_average(x: Tensor) -> Tensor:
    """The mean over all places of a picture."""
    return wide(x).mean(tuple(range(2, x.ndim)), keepdim=True)


def remainder(one: Tensor, two: Any, *, fmod: int = 0) -> Tensor:
    """With the sign of the divisor, or of what is divided."""
    return torch.fmod(one, two) if fmod else torch.remainder(one, two)


def power(x: Tensor, exponent: Any) -> Tensor:
    """Keeps the base's dtype."""
    return torch.pow(wide(x), exponent)


def divide(one: Tensor, two: Any) -> Tensor:
    """Whole numbers stay whole."""
    whole = isinstance(one, torch.Tensor) and not one.is_floating_point()
    return torch.div(one, two, rounding_mode="trunc") if whole else torch.div(one, two)


def minimum(*parts: Tensor) -> Tensor:
    """Of any number of tensors."""
    found = parts[0]
    for part in parts[1:]:
        found = torch.minimum(found, torch.as_tensor(part, dtype=found.dtype, device=found.device))
    return found


def maximum(*parts: Tensor) -> Tensor:
    """Of any number of tensors."""
    found = parts[0]
    for part in parts[1:]:
        found = torch.maximum(found, torch.as_tensor(part, dtype=found.dtype, device=found.device))
    return found
