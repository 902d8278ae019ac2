"""How alike two small frames are when the camera, the light or somebody in front of it has moved."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Luma = NDArray[np.float32]
"""Brightness 0-255, shape (36, 64) or a stack (frames, 36, 64)."""

REACH = (3, 4)  # small pixels a block may have moved, down and across: 8 % of the height, 6 % of the width
NOISE = 4.0  # variance (levels²) that compression alone makes; a block with no more is flat
BORDER_LEVEL = 24.0  # a row or column never brighter than this is a black bar, not picture
UNRELATED = 0.25  # the likeness of two pictures that have nothing to do with each other
ALIKE = 0.55  # likeness from which two frames show the same shot
ALIGNED = 0.7  # correlation from which a shift is believed
LIGHT_TOLERANCE = 0.4  # of the brighter one: how far a flat block's brightness may change and be the same


def luma(small: NDArray[np.uint8]) -> Luma:
    """Brightness of small frames, (…, 36, 64, 3) uint8 to (…, 36, 64): Rec. 709 weights in eighths."""
    bright: Luma = small[..., 0] * np.float32(0.25) + small[..., 1] * np.float32(0.625)
    bright += small[..., 2] * np.float32(0.125)
    return bright


def likeness(first: Luma, second: Luma) -> float:
    """1 = the same view, about 0.25 = two unrelated pictures, by matching 4 × 4 blocks wherever they moved.

    Each block of `second` takes its best normalised correlation (Lewis 1995, "Fast normalized cross-
    correlation") over every shift within REACH, so neither gain nor camera nor objects count as change; the
    mean is weighted by the blocks' contrast, and half of it is the median block, so that one thing that pops
    in cannot carry it.
    """
    top, bottom, left, right = _inside(first, second)
    rows, columns = (bottom - top) // 4, (right - left) // 4
    down, across = REACH
    reference = first[top : top + 4 * rows, left : left + 4 * columns]
    padded = reference[_edged(4 * rows, down)][:, _edged(4 * columns, across)]
    windows = sliding_window_view(padded, (rows + 2 * down, columns + 2 * across))[::rows, ::columns]
    shifted = sliding_window_view(windows, (rows, columns), axis=(2, 3)).reshape(16, -1, rows * columns)
    blocks = second[top : top + 4 * rows, left : left + 4 * columns]
    blocks = blocks.reshape(4, rows, 4, columns).swapaxes(1, 2).reshape(16, rows * columns, 1)
    return _score(shifted, blocks)


def _edged(length: int, reach: int) -> NDArray[np.intp]:
    """Indices that repeat the first and the last `reach` times; numpy's own padding takes longer."""
    return np.arange(-reach, length + reach).clip(0, length - 1)


def same_view(first: Luma, second: Luma) -> float:
    """Likeness of what both frames show when the camera may have turned by up to a quarter of the picture."""
    down, across = shift(first, second)
    if down == 0 and across == 0:
        return likeness(first, second)
    height, width = first.shape
    seen, seen_again = overlap(height, width, down, across), overlap(height, width, -down, -across)
    return max(likeness(first, second), likeness(first[seen], second[seen_again]))


def overlap(height: int, width: int, down: int, across: int) -> tuple[slice, slice]:
    """The part of a frame that another one, displaced by so much, shows as well."""
    return (
        slice(max(0, down), height + min(0, down)),
        slice(max(0, across), width + min(0, across)),
    )


def shift(first: Luma, second: Luma) -> tuple[int, int]:
    """Where the middle of `second` lies in `first`, best match, in pixels down and across.

    Even numbers, at most 8 and 16. Positive is where the camera has gone: down, and to the right. (0, 0) if
    nothing matches.
    """
    halves = [frame.reshape(18, 2, 32, 2).mean(axis=(1, 3)) for frame in (first, second)]
    middle = halves[1][4:14, 8:24].reshape(-1)
    centred = middle - middle.mean()
    windows = sliding_window_view(halves[0], (10, 16)).reshape(-1, middle.size)
    means = windows.mean(axis=1)
    variances = np.einsum("sn,sn->s", windows, windows) / middle.size - means * means
    scores = (windows @ centred / middle.size) / np.sqrt(np.maximum(variances, 0) + NOISE)
    best = int(scores.argmax())
    if scores[best] < ALIGNED * np.sqrt(float((centred * centred).mean()) + NOISE):
        return 0, 0
    return 2 * (best // 17 - 4), 2 * (best % 17 - 8)


def colour_distance(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """How much the shares of red, green and blue differ between two small frames, by blocks, in 1/300."""
    shares = []
    for small in (first, second):
        blocks = (
            small.reshape(9, 4, 16, 4, 3).mean(axis=(1, 3), dtype=np.float32) + 6
        )  # the dark has no colour
        shares.append(blocks / blocks.sum(axis=-1, keepdims=True))
    return float(np.abs(shares[0] - shares[1]).mean()) * 300


def _score(shifted: NDArray[np.float32], blocks: NDArray[np.float32]) -> float:
    size = blocks.shape[1]
    middle = blocks.mean(axis=1, keepdims=True)
    centred = blocks - middle
    variance = (centred * centred).sum(axis=1) / size  # (16, 1)
    ones = np.full((size, 1), 1 / size, np.float32)
    means = (shifted @ ones)[..., 0]
    variances = np.einsum("bsn,bsn->bs", shifted, shifted) / size - means * means
    covariance = (shifted @ centred)[..., 0] / size
    scores = (covariance + NOISE) / np.sqrt((np.maximum(variances, 0) + NOISE) * (variance + NOISE))
    best = scores.argmax(axis=1)
    pick = np.arange(16), best
    light = np.abs(means[pick] - middle[:, 0, 0])
    brighter = np.maximum(means[pick], middle[:, 0, 0])
    other_light = light > LIGHT_TOLERANCE * brighter + 8
    flat = (variances[pick] < 4 * NOISE) & (variance[:, 0] < 4 * NOISE)
    matched = np.where(flat & other_light, 0.0, scores[pick])
    contrast = np.sqrt(np.maximum(variances[pick], variance[:, 0]) + NOISE)
    return float((matched * contrast).sum() / contrast.sum() + np.median(matched)) / 2


def _inside(first: Luma, second: Luma) -> tuple[int, int, int, int]:
    """The box without the black bars both frames have: top, bottom, left, right; at least 12 × 16."""
    brighter = np.maximum(first, second)
    top, bottom = _ends(brighter.max(axis=1), 12)
    left, right = _ends(brighter.max(axis=0), 16)
    return top, bottom, left, right


def _ends(line: NDArray[np.float32], least: int) -> tuple[int, int]:
    lit = np.flatnonzero(line > BORDER_LEVEL)
    if not len(lit) or lit[-1] + 1 - lit[0] < least:
        return 0, len(line)
    return int(lit[0]), int(lit[-1]) + 1
