"""Realistic H.264 films with known cuts, made once from photos and kept in a folder outside the repository.

    python -m benchmarks.films FOLDER [--seconds 60] [--width 1920] [--height 1080] [--no-bframes]

Every shot is one photo under a moving camera: still, panning, zooming or held by hand. Enlarged photos lack
fine detail, so film grain is laid over them; without it H.264 would decode faster than real footage does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]  # RGB, (height, width, 3)

ROOT = Path(__file__).parents[1]
PHOTOS = (ROOT.parent / "shared/data/photos", ROOT / "src/heimdex/samples")  # the first that has any
RECIPE = 1  # raise it when a film of the same name would come out differently
SEED = 20
GRAIN = 5.0  # standard deviation, of 255, at 1080p
GRAIN_TILES = 8
THREADS = 2
X264 = {"preset": "faster", "crf": "23"}


@dataclass(frozen=True, kw_only=True)
class Film:
    """A made film. `cuts_s` are the beginnings of every shot but the first, in seconds after zero."""

    path: Path
    seconds: float
    cuts_s: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Move:
    """A camera's way over a picture: centre and width as fractions of what fits, at the start and the end."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    shake: float  # of the picture's width


def make_film(
    path: Path,
    seconds: float = 60,
    width: int = 1920,
    height: int = 1080,
    fps: int = 25,
    scenes_per_minute: float = 38,
    bframes: bool = True,
) -> Film:
    """Make the film at `path`, or find it there, made with the same values (see the .json file beside it)."""
    asked = {"recipe": RECIPE, "seconds": seconds, "width": width, "height": height, "fps": fps}
    asked |= {"scenes_per_minute": scenes_per_minute, "bframes": bframes, "photos": len(photo_paths())}
    note = path.with_suffix(".json")
    if path.exists() and note.exists():
        made = json.loads(note.read_text(encoding="utf-8"))
        if made["asked"] == asked:
            return Film(path=path, seconds=seconds, cuts_s=tuple(made["cuts_s"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    lengths = shot_lengths(round(seconds * fps), round(seconds / 60 * scenes_per_minute))
    unfinished = path.with_name(f"unfinished-{path.name}")
    encode(unfinished, frames(lengths, (width, height)), fps=fps, size=(width, height), bframes=bframes)
    unfinished.replace(path)
    cuts_s = tuple(float(frame) / fps for frame in np.cumsum(lengths)[:-1])
    note.write_text(json.dumps({"asked": asked, "cuts_s": cuts_s}), encoding="utf-8")
    return Film(path=path, seconds=seconds, cuts_s=cuts_s)


def photo_paths() -> list[Path]:
    """The photos films are made from."""
    for folder in PHOTOS:
        found = sorted(folder.rglob("*.jpg"))
        if found:
            return found
    raise SystemExit("No photos to make a film from; run scripts/make_samples.py.")


def shot_lengths(total: int, shots: int) -> list[int]:
    """How many frames each shot has: between half and one and a half times the mean, `total` together."""
    weights = np.random.default_rng(SEED).uniform(0.5, 1.5, max(shots, 1))
    edges = np.round(np.cumsum(weights) / weights.sum() * total).astype(int)
    return [int(frames) for frames in np.diff(edges, prepend=0)]


def frames(lengths: list[int], size: tuple[int, int]) -> Iterator[Pixels]:
    """All frames of the film; neighbouring shots show different photos."""
    rng = np.random.default_rng(SEED + 1)
    photos = photo_paths()
    order = rng.permutation(len(photos))
    sigma = GRAIN * size[1] / 1080
    grain = rng.normal(0, sigma, (GRAIN_TILES, size[1] + 64, size[0] + 64)).round().astype(np.int16)
    for shot, length in enumerate(lengths):
        with Image.open(photos[order[shot % len(photos)]]) as photo:
            picture = photo.convert("RGB")
        move = any_move(rng)
        for number in range(length):
            clean = look(picture, move, number, number / max(length - 1, 1), size)
            yield grainy(clean, grain, rng)


def any_move(rng: np.random.Generator) -> Move:
    """Still, by hand, a pan or a zoom, one as likely as the other."""
    x, y, width = rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.65), rng.uniform(0.7, 0.95)
    kind = rng.integers(4)
    end = (x, y, width)
    if kind == 2:
        end = (1 - x, 1 - y, width)
    elif kind == 3:
        end = (x, y, width * rng.uniform(0.7, 0.9))
    return Move(start=(x, y, width), end=end, shake=0.004 if kind == 1 else 0.0)


def look(picture: Image.Image, move: Move, number: int, progress: float, size: tuple[int, int]) -> Pixels:
    """What the camera sees, scaled to `size`."""
    x, y, part = (a + (b - a) * progress for a, b in zip(move.start, move.end, strict=True))
    x += move.shake * np.sin(number * 0.7)
    y += move.shake * np.sin(number * 1.1)
    aspect = size[0] / size[1]
    width = min(picture.width, picture.height * aspect) * part
    height = width / aspect
    left = min(max(x * picture.width - width / 2, 0.0), picture.width - width)
    top = min(max(y * picture.height - height / 2, 0.0), picture.height - height)
    box = (left, top, left + width, top + height)
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box=box))


def grainy(clean: Pixels, grain: NDArray[np.int16], rng: np.random.Generator) -> Pixels:
    """The frame under one of the grain tiles, shifted at random so that no two frames have the same."""
    down, right = rng.integers(0, 64, 2)
    height, width = clean.shape[:2]
    tile = grain[rng.integers(len(grain)), down : down + height, right : right + width, None]
    noisy: Pixels = np.clip(clean + tile, 0, 255).astype(np.uint8)
    return noisy


def encode(path: Path, pictures: Iterator[Pixels], *, fps: int, size: tuple[int, int], bframes: bool) -> None:
    """Write an MP4 without sound."""
    with av.open(str(path), "w") as container:
        options = X264 | {"threads": str(THREADS), "bf": "3" if bframes else "0"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def cached_film(folder: Path, **values: Any) -> Film:
    """`make_film` below a cache folder, under a name that holds the values; they are `make_film`'s."""
    name = "-".join(f"{key}_{value}" for key, value in sorted(values.items())) or "default"
    return make_film(folder / f"film-{name}.mp4", **values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="the cache folder, outside the repository")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--no-bframes", action="store_true")
    given = parser.parse_args()
    size = {"width": given.width, "height": given.height}
    film = cached_film(given.folder, seconds=given.seconds, bframes=not given.no_bframes, **size)
    print(json.dumps({key: str(value) for key, value in asdict(film).items()}, indent=1))


if __name__ == "__main__":
    main()
