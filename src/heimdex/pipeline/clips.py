"""Clips out of originals, and pictures that were handed in: demuxers and decoders run in worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from heimdex.entities import KEPT_SHORT_SIDE, Asset, Facts, Kind, new_id
from heimdex.errors import MediaError, NotFound, QueryError
from heimdex.media.clip import Clip, cut
from heimdex.media.photo import read_photo
from heimdex.media.pictures import save_lossless
from heimdex.pipeline.browsing import original
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.workers import WorkerPool
from heimdex.store import assets

CLIPS = "heimdex.pipeline.clips"
LONGEST_CLIP_US = 3_600_000_000
CLIP_TIMEOUT_S = 120.0
PICTURE_TIMEOUT_S = 20.0
LEFT_S = 900.0  # what is being sent stays open, whether or not it has a name still


@dataclass(frozen=True, kw_only=True, slots=True)
class CutClip:
    """A clip as a file, which is its taker's to remove, and the name it might be given."""

    path: Path
    name: str
    clip: Clip


def cut_clip(tools: Tools, pool: WorkerPool, asset_id: str, start_us: int, end_us: int) -> CutClip:
    """Copy [start_us, end_us) of an asset's film or recording, without decoding it.

    Raises NotFound (no such asset, or its file is gone), QueryError for a stretch that cannot be, MediaError
    and WorkerError where the file does not give it.
    """
    asset = _asset(tools, asset_id)
    if asset.facts.kind == Kind.PHOTO:
        raise QueryError("a photo has no clips; download it whole")
    if not 0 <= start_us < min(end_us, asset.facts.duration_us):
        raise QueryError(
            f"there is no clip from {start_us / 1e6:g} to {end_us / 1e6:g} s: the file lasts "
            f"{asset.facts.duration_us / 1e6:g} s"
        )
    if end_us - start_us > LONGEST_CLIP_US:
        raise QueryError(f"a clip is at most {LONGEST_CLIP_US // 1_000_000} s long; download the file whole")
    source = original(tools, asset_id)
    folder = tools.home / "clips"
    folder.mkdir(exist_ok=True)
    _sweep(folder)
    target = folder / f"{new_id()}.part"
    try:
        with tools.originals.local(source.path_bytes) as path:
            clip: Clip = pool.call(
                f"{CLIPS}:cut_job",
                path,
                asset.facts,
                target,
                (start_us, end_us),
                timeout_s=CLIP_TIMEOUT_S,
            )
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    stem = Path(source.path).stem or asset_id
    ending = "mp4" if clip.container == "mp4" else "mkv"
    return CutClip(path=target, name=f"{stem}_{start_us / 1e6:.2f}-{end_us / 1e6:.2f}.{ending}", clip=clip)


def prepare_picture(pool: WorkerPool, source: Path, target: Path, *, max_pixels: int) -> None:
    """Write a picture that was handed in to `target` as it is searched by: upright, sRGB, at most kept size.

    Raises QueryError where it is none, WorkerError where it brought its decoder down.
    """
    try:
        pool.call(f"{CLIPS}:picture_job", source, target, max_pixels, timeout_s=PICTURE_TIMEOUT_S)
    except MediaError as error:
        raise QueryError(f"this cannot be used as a picture: {error}") from error


def cut_job(
    report: Callable[..., None], path: bytes, facts: Facts, target: Path, stretch: tuple[int, int]
) -> Clip:
    """`media.clip.cut`, in a worker."""
    report()
    return cut(path, facts, target, *stretch)


def picture_job(report: Callable[..., None], source: Path, target: Path, max_pixels: int) -> None:
    """Read a photo and write it lossless, in a worker."""
    report()
    picture = read_photo(bytes(source), max_pixels=max_pixels, short_side=KEPT_SHORT_SIDE)
    save_lossless(picture, target)


def _sweep(folder: Path) -> None:
    """Remove clips that nobody came for: the request was given up while they were cut."""
    old = time.time() - LEFT_S
    for path in folder.glob("*.part"):
        with suppress(FileNotFoundError):  # another request was faster
            if path.stat().st_mtime < old:
                path.unlink()


def _asset(tools: Tools, asset_id: str) -> Asset:
    found: list[Asset] = tools.database.run(
        tools.owner, lambda c: assets.get_assets(c, tools.owner, [asset_id]), read_only=True
    )
    if not found:
        raise NotFound(f"no asset {asset_id}")
    return found[0]
