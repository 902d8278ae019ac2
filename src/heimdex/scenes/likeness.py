"""How alike two small frames are when the camera, the light or somebody in front of it has moved."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Small = NDArray[np.uint8]
"""A small frame or a part of one, RGB, shape (height, width, 3)."""

Luma = NDArray[np.float32]
"""Brightness 0-255, shape (36, 64) or a stack (frames, 36, 64)."""

REACH = (1 / 3, 1 / 4)  # of a block's height and width: how far it may have moved, 3 and 4 small pixels
NOISE = 1.0  # variance (levels²) that compression alone makes
BORDER_LEVEL = 24.0  # a row or column never brighter than this is a black bar, not picture
UNRELATED = 0.25  # the likeness of two pictures that have nothing to do with each other
ALIKE = 0.55  # likeness from which two frames show the same shot
ALIGNED = 0.7  # correlation from which a shift is believed
LIGHT_TOLERANCE = 0.25  # of the brighter one: how far a flat block's colour may change and be the same
FLAT_CONTRAST = 4.5  # levels below which a block shows nothing
CHANGED_BLOCKS, HALF_ALIKE = (
    6,
    0.5,
)  # so many blocks of 16 must be less alike for the flat ones to be left out


def luma(small: NDArray[np.uint8]) -> Luma:
    """Brightness of small frames, (…, 36, 64, 3) uint8 to (…, 36, 64): Rec. 709 weights in eighths."""
    bright: Luma = small[..., 0] * np.float32(0.25) + small[..., 1] * np.float32(0.625)
    bright += small[..., 2] * np.float32(0.125)
    return bright


def likeness(first: Small, second: Small) -> float:
    """1 = the same view, about UNRELATED = two other pictures, by matching 4 × 4 blocks wherever they moved.

    Each block of `second` takes its best normalised correlation (Lewis 1995, "Fast normalized cross-
    correlation") over every shift within REACH, so neither gain nor camera nor objects count as change.
    Blocks without contrast are compared by colour, too. The mean is weighted by contrast, and half of the
    answer is the median over the blocks that show something, so that one thing that pops in cannot carry it.
    """
    lumas = luma(first), luma(second)
    top, bottom, left, right = _inside(*lumas)
    rows, columns = (bottom - top) // 4, (right - left) // 4
    box = slice(top, top + 4 * rows), slice(left, left + 4 * columns)
    down, across = int(rows * REACH[0]), int(columns * REACH[1])
    padded = lumas[0][box][_edged(4 * rows, down)][:, _edged(4 * columns, across)]
    windows = sliding_window_view(padded, (rows + 2 * down, columns + 2 * across))[::rows, ::columns]
    shifted = sliding_window_view(windows, (rows, columns), axis=(2, 3)).reshape(16, -1, rows * columns)
    matched, contrast = _matched(shifted, _blocks(lumas[1][box]))
    flat = contrast < FLAT_CONTRAST
    if flat.any():
        same = _same_colours(first[box], second[box])
        matched = np.where(flat & ~same, 0, matched)
    shows = ~flat | (matched < UNRELATED)
    if int((matched < HALF_ALIKE).sum()) < CHANGED_BLOCKS or not shows.any():
        shows = np.ones_like(flat)
    return float((matched * contrast).sum() / contrast.sum() + np.median(matched[shows])) / 2


def _blocks(frame: Luma) -> Luma:
    """A frame whose sides are multiples of four as 16 blocks, (16, pixels)."""
    rows, columns = frame.shape[0] // 4, frame.shape[1] // 4
    return frame.reshape(4, rows, 4, columns).swapaxes(1, 2).reshape(16, rows * columns)


def _edged(length: int, reach: int) -> NDArray[np.intp]:
    """Indices that repeat the first and the last `reach` times; numpy's own padding takes longer."""
    return np.arange(-reach, length + reach).clip(0, length - 1)


def same_view(first: Small, second: Small) -> float:
    """Likeness of what both frames show when the camera may have turned by up to a quarter of the picture."""
    down, across = shift(halved(luma(first)), halved(luma(second)))
    if down == 0 and across == 0:
        return likeness(first, second)
    down, across = 2 * down, 2 * across
    height, width = first.shape[:2]
    seen, seen_again = overlap(height, width, down, across), overlap(height, width, -down, -across)
    return max(likeness(first, second), likeness(first[seen], second[seen_again]))


def overlap(height: int, width: int, down: int, across: int) -> tuple[slice, slice]:
    """The part of a frame that another one, displaced by so much, shows as well."""
    return (
        slice(max(0, down), height + min(0, down)),
        slice(max(0, across), width + min(0, across)),
    )


def halved(bright: Luma) -> Luma:
    """Means of 2 × 2, over the last two axes."""
    wide = bright[..., ::2] + bright[..., 1::2]
    half: Luma = (wide[..., ::2, :] + wide[..., 1::2, :]) * np.float32(0.25)
    return half


def shift(first: Luma, second: Luma) -> tuple[int, int]:
    """Where the middle of `second` lies in `first`, both (18, 32): best match, in pixels down and across.

    At most 4 and 8. Positive is where the camera has gone: down, and to the right. (0, 0) if nothing matches.
    """
    middle = second[4:14, 8:24].reshape(-1)
    centred = middle - middle.mean()
    windows = sliding_window_view(first, (10, 16)).reshape(-1, middle.size)
    means = windows.mean(axis=1)
    variances = np.einsum("sn,sn->s", windows, windows) / middle.size - means * means
    scores = (windows @ centred / middle.size) / np.sqrt(np.maximum(variances, 0) + NOISE)
    best = int(scores.argmax())
    if scores[best] < ALIGNED * np.sqrt(float((centred * centred).mean()) + NOISE):
        return 0, 0
    return best // 17 - 4, best % 17 - 8


def colour_distance(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """How much the shares of red, green and blue differ between two small frames, by blocks, in 1/300."""
    shares = []
    for small in (first, second):
        blocks = _block_colours(small, 9, 16) + 6  # the dark has no colour
        shares.append(blocks / blocks.sum(axis=-1, keepdims=True))
    return float(np.abs(shares[0] - shares[1]).mean()) * 300


def _matched(shifted: Luma, blocks: Luma) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Each block's best correlation over (16, shifts, pixels), and the contrast there, in levels."""
    size = blocks.shape[1]
    centred = (blocks - blocks.mean(axis=1, keepdims=True))[..., None]
    variance = np.square(centred).sum(axis=1) / size  # (16, 1)
    means = (shifted @ np.full((size, 1), 1 / size, np.float32))[..., 0]
    variances = np.maximum(np.einsum("bsn,bsn->bs", shifted, shifted) / size - means * means, 0)
    covariance = (shifted @ centred)[..., 0] / size
    scores = (covariance + NOISE) / np.sqrt((variances + NOISE) * (variance + NOISE))
    pick = np.arange(16), scores.argmax(axis=1)
    return scores[pick], np.sqrt(np.maximum(variances[pick], variance[:, 0]) + NOISE)


def _block_colours(frame: Small, down: int, across: int) -> NDArray[np.float32]:
    """Mean colours, (down, across, 3), of a frame whose sides are multiples; two steps are the quickest."""
    height, width = frame.shape[:2]
    tall = frame.astype(np.float32).reshape(down, height // down, width * 3).sum(axis=1)
    blocks: NDArray[np.float32] = tall.reshape(down, across, width // across, 3).sum(axis=2)
    return blocks / np.float32(height // down * (width // across))


def _same_colours(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which blocks' mean colour is the same but for the light."""
    means = [_block_colours(frame, 4, 4).reshape(16, 3) for frame in (first, second)]
    brighter = np.maximum(means[0], means[1]).max(axis=1)
    apart = np.abs(means[0] - means[1]).max(axis=1)
    same: NDArray[np.bool_] = apart <= LIGHT_TOLERANCE * brighter + 8
    return same


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
