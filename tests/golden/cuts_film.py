"""Small films made of small frames: shots under a moving camera, joined in known ways. No file is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from heimdex.entities import SMALL_HEIGHT, SMALL_WIDTH, Frame, Picture, Scene
from heimdex.scenes.content import ContentDetector

Smalls = NDArray[np.uint8]
"""Small frames, (n, 36, 64, 3)."""

RATE = 25
BLACK, WHITE = 0, 255


def view(seed: int, *, level: float = 120, contrast: float = 45, grey: bool = False) -> Picture:
    """A picture of clouds of every size, (432, 768, 3): as rich in detail and colour as a photo."""
    rng = np.random.default_rng(seed)
    bands = 1 if grey else 3
    field = np.zeros((432, 768, bands))
    for octave in range(6):
        coarse = rng.normal(0, 1, (3 * 2**octave, 5 * 2**octave, bands)).astype(np.float32)
        layers = [
            np.asarray(Image.fromarray(coarse[:, :, band]).resize((768, 432), Image.Resampling.BICUBIC))
            for band in range(bands)
        ]
        field += np.stack(layers, axis=2) / (1 + 0.6 * octave)
    field = (field - field.mean(axis=(0, 1))) / field.std() * contrast + level
    field += rng.uniform(-0.5, 0.5, bands) * contrast
    return np.broadcast_to(np.clip(field, 0, 255), (432, 768, 3)).astype(np.uint8)


def shot(
    picture: Picture,
    seconds: float,
    *,
    pan: float = 0.0,
    tilt: float = 0.0,
    zoom: float = 0.0,
    rate: float = RATE,
) -> Smalls:
    """A take of a picture; pan and tilt in frame sizes a second, zoom in log scale a second, as in Motion."""
    height, width = picture.shape[:2]
    image = Image.fromarray(picture)
    count = round(seconds * rate)
    smalls = []
    for index in range(count):
        moment = (index - count / 2) / rate
        wide = 0.45 * width * float(np.exp(-zoom * moment))
        high = wide * height / width
        middle = (width / 2 + pan * moment * wide, height / 2 + tilt * moment * high)
        box = (middle[0] - wide / 2, middle[1] - high / 2, middle[0] + wide / 2, middle[1] + high / 2)
        if box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
            raise ValueError(f"the camera leaves the picture at frame {index}: {box}")
        small = image.resize((SMALL_WIDTH, SMALL_HEIGHT), Image.Resampling.BILINEAR, box=box)
        smalls.append(np.asarray(small))
    return np.stack(smalls)


def blank(level: int, frames: int) -> Smalls:
    """Nothing but one grey."""
    return np.full((frames, SMALL_HEIGHT, SMALL_WIDTH, 3), level, np.uint8)


def faded(smalls: Smalls, level: int, *, out: int = 0, into: int = 0) -> Smalls:
    """The same frames, the last `out` of them going to a level and the first `into` coming from it."""
    parts = np.zeros(len(smalls))
    if out:
        parts[-out:] = np.arange(1, out + 1) / out
    if into:
        parts[:into] = np.maximum(parts[:into], 1 - np.arange(into) / into)
    return lit(smalls, 1 - parts, parts * level)


def lit(smalls: Smalls, gain: Sequence[float] | NDArray[np.float64], lift: NDArray[np.float64]) -> Smalls:
    """Each frame times its gain plus its lift."""
    shape = (-1, 1, 1, 1)
    changed = smalls * np.reshape(gain, shape) + np.reshape(lift, shape)
    result: Smalls = np.clip(changed, 0, 255).astype(np.uint8)
    return result


def dissolved(first: Smalls, second: Smalls, frames: int) -> Smalls:
    """One shot going over into the other while both run."""
    parts = (np.arange(1, frames + 1) / (frames + 1)).reshape(-1, 1, 1, 1)
    mixed = first[-frames:] * (1 - parts) + second[:frames] * parts
    return np.concatenate([first[:-frames], mixed.astype(np.uint8), second[frames:]])


def film(*parts: Smalls, rate: float = RATE, noise: float = 0.7, start_us: int = 0) -> list[Frame]:
    """The parts one after another as frames, with a little noise as compression makes it."""
    smalls = np.concatenate(parts)
    rng = np.random.default_rng(len(smalls))
    noisy = np.clip(smalls + rng.normal(0, noise, smalls.shape), 0, 255).astype(np.uint8)
    times = start_us + np.round(np.arange(len(smalls) + 1) / rate * 1e6).astype(int)
    return timed(noisy, times.tolist())


def timed(smalls: Smalls, times_us: Sequence[int]) -> list[Frame]:
    """Small frames with given times, one more than frames."""
    spans = zip(smalls, times_us, times_us[1:], strict=False)
    return [
        Frame(at_us=at, end_us=end, small=small, render=partial(_shown, small)) for small, at, end in spans
    ]


def _shown(small: Picture, short_side: int) -> Picture:
    """What a small frame renders to: itself."""
    return small


def scenes(frames: Iterable[Frame]) -> list[Scene]:
    """What the content detector makes of it."""
    return list(ContentDetector().detect(iter(frames)))


def boundaries(frames: Iterable[Frame], rate: float = RATE) -> list[int]:
    """The boundaries the content detector finds, as frame numbers of a film of constant rate."""
    return [round(scene.start_us * rate / 1e6) for scene in scenes(frames)[1:]]
