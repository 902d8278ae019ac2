"""Clips with known cuts, fades and dissolves, and with the things that only look like cuts.

A clip is made from pictures by a moving camera, disturbed on purpose, and encoded with libx264, so that the
noise of compression is real. Everything follows from one seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np

from benchmarks.cuts_shots import HEIGHT, WIDTH, Pixels, Shot
from benchmarks.films import photo_paths

Kind = Literal["cut", "black", "white", "dissolve"]
RECIPE = 1  # raise it when the clips would come out differently


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """One true boundary: where a detector may put it, in seconds, inclusive."""

    kind: Kind
    first_s: float
    last_s: float


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A made clip and the truth about it."""

    path: Path
    rate: Fraction
    boundaries: tuple[Boundary, ...]
    traps: tuple[str, ...]


def pictures(seed: int) -> list[Pixels]:
    """Photos, and besides them made textures and drawings. RGB, uint8."""
    rng = np.random.default_rng(seed)
    names = photo_paths()
    picked = rng.choice(len(names), size=min(40, len(names)), replace=False)
    found = [cv2.imread(str(names[i]))[:, :, ::-1].copy() for i in picked]
    made = max(2, len(found) // 10)
    return found + [texture(rng) for _ in range(made)] + [drawing(rng) for _ in range(2 * made)]


def texture(rng: np.random.Generator) -> Pixels:
    """Coloured noise with a falling spectrum over a gradient, like clouds, sand or leaves."""
    layers = [
        cv2.resize(rng.normal(0, 1, (9 * 2**k, 16 * 2**k, 3)).astype(np.float32), (640, 360))
        / (1 + k * rng.random())
        for k in range(6)
    ]
    field = np.sum(layers, axis=0)
    field = (field - field.mean()) / field.std() * rng.uniform(15, 45) + rng.uniform(60, 190, 3)
    field += np.linspace(-1, 1, 640)[None, :, None] * rng.uniform(-40, 40)
    return np.clip(field, 0, 255).astype(np.uint8)


def drawing(rng: np.random.Generator) -> Pixels:
    """A slide, a cartoon, a chart of bars, or nothing but one colour."""
    colour = rng.integers(0, 256, 3)
    image = np.full((HEIGHT, WIDTH, 3), colour, np.uint8)
    sort = rng.integers(4)
    if sort == 0:  # a slide: lines of writing on something bright
        image[:] = rng.integers(225, 256)
        for line in range(int(rng.integers(3, 9))):
            words = "".join(
                rng.choice(list("abcdefghijk lmnop qrst uvwxyz ")) for _ in range(rng.integers(8, 34))
            )
            ink = tuple(int(v) for v in rng.integers(0, 120, 3))
            cv2.putText(image, words, (30, 50 + 38 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.9, ink, 2)
    elif sort == 1:  # a cartoon: flat shapes
        for _ in range(int(rng.integers(5, 14))):
            ink = tuple(int(v) for v in rng.integers(0, 256, 3))
            centre = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
            axes = (int(rng.integers(20, 200)), int(rng.integers(20, 140)))
            cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, ink, -1)
    elif sort == 2:  # bars
        edges = np.linspace(0, WIDTH, int(rng.integers(4, 10))).astype(int)
        for low, high in pairwise(edges):
            image[:, low:high] = rng.integers(0, 256, 3)
    return image


def _join(rng: np.random.Generator, rate: float) -> tuple[Kind, int, int]:
    """How two shots meet: the kind, frames out (= frames in), and frames held blank between."""
    kinds: tuple[Kind, ...] = ("cut", "black", "white", "dissolve")
    kind = kinds[rng.choice(4, p=[0.66, 0.13, 0.07, 0.14])]
    if kind == "cut":
        return "cut", 0, 0
    length = int(rng.uniform(0.25, 1.0) * rate)
    held = int(rng.choice([0, 0.1, 0.5, 1.0]) * rate) if kind != "dissolve" else 0
    return kind, max(3, length), held


def _mix(first: Pixels, second: Pixels, part: float) -> Pixels:
    return cv2.addWeighted(first, 1 - part, second, part, 0)


def frames(
    rng: np.random.Generator, pool: list[Pixels], rate: float, shots: int
) -> Iterator[Pixels | Boundary | str]:
    """The frames of a clip, each boundary just before the first frame it may lie at, each trap's name."""
    count, carry = 0, []
    order = rng.permutation(len(pool))
    for number in range(shots):
        again = number > 0 and rng.random() < 0.15  # another view of the same picture
        picture = pool[order[(number - again) % len(pool)]]
        length = int(np.clip(rng.lognormal(1.0, 0.6), 1.4, 9) * rate)
        kind, slope, held = _join(rng, rate) if number < shots - 1 else ("cut", 0, 0)
        shot = Shot(
            rng,
            picture[:, ::-1] if again else picture,
            pool[int(rng.integers(len(pool)))],
            length + slope,
            rate,
        )
        yield shot.trap
        for index in range(length):
            image = shot.frame(index)
            if index < len(carry):
                part = (index + 1) / (len(carry) + 1)
                image = _mix(carry[index], image, part)
            count += 1
            yield image
        if number == shots - 1:
            return
        tail = [shot.frame(length + k) for k in range(slope)]
        blank = np.full((HEIGHT, WIDTH, 3), 255 if kind == "white" else 0, np.uint8)
        if kind in ("cut", "dissolve"):
            yield Boundary(kind=kind, first_s=count / rate, last_s=(count + slope) / rate)
            carry = tail
            continue
        yield Boundary(kind=kind, first_s=count / rate, last_s=(count + 2 * slope + held) / rate)
        for k, image in enumerate(tail):
            count += 1
            yield _mix(image, blank, (k + 1) / slope)
        for _ in range(held):
            count += 1
            yield blank
        carry = [blank] * slope


def cached_clip(folder: Path, seed: int) -> Clip:
    """The clip of a seed, made at the first call."""
    path, note = folder / f"cuts-{RECIPE}-{seed}.mp4", folder / f"cuts-{RECIPE}-{seed}.json"
    if not note.exists():
        clip = make(path, seed)
        note.write_text(json.dumps([str(clip.rate), [asdict(b) for b in clip.boundaries], clip.traps]))
    rate, boundaries, traps = json.loads(note.read_text(encoding="utf-8"))
    truth = tuple(Boundary(**boundary) for boundary in boundaries)
    return Clip(path=path, rate=Fraction(rate), boundaries=truth, traps=tuple(traps))


def make(path: Path, seed: int, shots: int = 14) -> Clip:
    """Write one clip; in every fifth frames are left out, so that its rate varies."""
    rng = np.random.default_rng(seed)
    rate = Fraction(int(rng.choice([24, 25, 25, 30, 30, 50, 60, 15, 12])))
    boundaries: list[Boundary] = []
    traps: list[str] = []
    with av.open(str(path), "w") as container:
        options = {"crf": str(rng.choice([20, 26, 32])), "preset": "veryfast"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 2
        stream.codec_context.time_base = 1 / rate
        count, fresh = 0, False
        for item in frames(rng, pictures(seed), float(rate), shots):
            if isinstance(item, Boundary):
                boundaries.append(item)
                fresh = item.kind == "cut"
            elif isinstance(item, str):
                traps.append(item)
            else:
                if not (seed % 5 == 3 and rng.random() < 0.3):
                    if fresh:  # the new shot's first frame may have been left out
                        at_s = count / float(rate)
                        boundaries[-1] = Boundary(kind="cut", first_s=at_s, last_s=at_s)
                        fresh = False
                    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(item), "rgb24")
                    frame.pts, frame.time_base = count, 1 / rate
                    container.mux(stream.encode(frame))
                count += 1
        container.mux(stream.encode(None))
    return Clip(path=path, rate=rate, boundaries=tuple(boundaries), traps=tuple(traps))
