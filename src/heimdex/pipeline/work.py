"""The jobs: what runs inside worker processes. Every job gets `report` first; calling it shows it lives."""

from __future__ import annotations

import errno
import math
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.row import LoadOptions
from heimdex.entities import (
    KEPT_SHORT_SIDE,
    Choice,
    DerivedFile,
    Facts,
    FoundScene,
    Frame,
    FrameQuality,
    Keyframe,
    Kind,
    Looked,
    Picture,
    Scene,
    StartOver,
    Vector,
    new_id,
)
from heimdex.errors import MediaError, StorageFull, StoreError
from heimdex.keyframes import CandidatePool, photo_quality
from heimdex.media.hashing import content_hash
from heimdex.media.photo import read_photo
from heimdex.media.pictures import WrittenPicture, keep, read_picture
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.media.sound import RATE_HZ, SoundPiece, sound
from heimdex.media.video import frames
from heimdex.pipeline.tools import SceneOptions
from heimdex.pipeline.warmth import warm_encoder
from heimdex.scenes.coarse import LEAST_RATE, CoarseDetector, TooManyLookups
from heimdex.scenes.content import ContentDetector, ContentOptions
from heimdex.scenes.quiet import QuietOptions, divide

Report = Callable[..., None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """A picture's vectors, one per space, or the reason why there are none.

    As half floats, which is how they are stored: a long film has tens of thousands of them in hand at a time.
    """

    vectors: tuple[NDArray[np.float16], ...] = ()
    inference_time_ms: float = 0.0
    device: str | None = None
    error: str | None = None


def examine(report: Report, path: bytes, max_pixels: int) -> tuple[str, Facts] | None:
    """(content hash, facts) of a file; None when it is no media and does not claim to be."""
    recognised = recognise(path)
    if recognised is None:
        return None
    facts = probe(path, recognised, max_pixels=max_pixels)
    report()
    return content_hash(path, report), facts


REPORT_EVERY_S = 0.5
LONG_US = 20_000_000  # a shorter film is decoded whole: there is little to save
SAMPLE_US = 2_000_000  # of its beginning, to see how many frames others refer to
LEAST_REFERENCED_RATE = 11.0  # frames a second; with fewer, movement and cuts are hard to tell apart


@dataclass(frozen=True, kw_only=True, slots=True)
class LookOptions:
    """Where a decode pass writes, and within which limits."""

    home: Path
    folder: Path
    scenes: SceneOptions
    max_pixels: int
    threads: int


def look(report: Report, path: bytes, facts: Facts, options: LookOptions) -> Looked:
    """The one decode pass: scenes, motion, kept frames and thumbnails of an original.

    A recording has scenes without kept frames, divided in its pauses. What is found of a film or a recording
    is reported scene by scene, as `FoundScene`, and forgotten here: a worker's memory does not grow with its
    length. A `StartOver` takes back all that was reported before it.
    """
    _make_folder(options.folder)
    if facts.kind == Kind.PHOTO:
        return _look_at_photo(report, path, options)
    if facts.kind == Kind.AUDIO:
        return _look_at_recording(report, path, facts, options)
    if _may_leave_out(path, facts, options):
        try:
            return _look_at_film(report, path, facts, options, referenced_only=True)
        except TooManyLookups:
            shutil.rmtree(options.folder, ignore_errors=True)
            _make_folder(options.folder)
            report(StartOver())
    return _look_at_film(report, path, facts, options, referenced_only=False)


def _look_at_film(
    report: Report, path: bytes, facts: Facts, options: LookOptions, *, referenced_only: bool
) -> Looked:
    pool = CandidatePool()
    count = 0
    with frames(path, facts, threads=options.threads, referenced_only=referenced_only) as source:
        watched = pool.watch(_reported(source, report))
        for scene in _scenes(path, facts, options, watched, coarse=referenced_only):
            keyframes = []
            for choice in pool.choose(scene) or _choose_again(path, facts, scene, options):
                picture = choice.frame.render(KEPT_SHORT_SIDE)
                kept = _Kept(scene_id=scene.scene_id, rank=choice.rank, at_us=choice.frame.at_us)
                keyframes.append(_keep(picture, kept, choice.quality, options))
            report(FoundScene(scene=scene, keyframes=tuple(keyframes)))
            count += 1
        return Looked(scenes=count, note=source.report.note)


def _scenes(
    path: bytes, facts: Facts, options: LookOptions, watched: Iterator[Frame], *, coarse: bool
) -> Iterator[Scene]:
    detector = ContentDetector(
        ContentOptions(shortest_us=options.scenes.min_scene_us, longest_us=options.scenes.max_scene_us)
    )
    if not coarse:
        return detector.detect(watched)

    def reopen(start_us: int, end_us: int) -> Iterator[Frame]:
        return frames(path, facts, threads=options.threads, start_us=start_us, end_us=end_us)

    return CoarseDetector(detector, facts.frame_rate or LEAST_RATE).detect(watched, reopen)


def _may_leave_out(path: bytes, facts: Facts, options: LookOptions) -> bool:
    """Whether the frames that others refer to are enough to tell cuts from movement.

    Asked of the film's beginning, because it depends on how it was encoded: of some nearly all are left, of
    others one in three.
    """
    if facts.duration_us < LONG_US or (facts.frame_rate or 0) < LEAST_RATE or facts.clock_breaks:
        return False
    sample = frames(path, facts, threads=options.threads, end_us=SAMPLE_US, referenced_only=True)
    with sample:
        count = sum(1 for _ in sample)
    return count * 1_000_000 >= LEAST_REFERENCED_RATE * SAMPLE_US


def _choose_again(path: bytes, facts: Facts, scene: Scene, options: LookOptions) -> tuple[Choice, ...]:
    """A scene whose frames the pool had let go by the time it was settled: decode that stretch once more."""
    pool = CandidatePool()
    stretch = frames(path, facts, threads=options.threads, start_us=scene.start_us, end_us=scene.end_us)
    with stretch:
        for _ in pool.watch(stretch):
            pass
        return pool.choose(scene)


def _look_at_recording(report: Report, path: bytes, facts: Facts, options: LookOptions) -> Looked:
    wanted = QuietOptions(longest_us=options.scenes.max_scene_us, rate_hz=RATE_HZ)
    count = 0
    with sound(path, facts) as source:
        blocks = (piece.samples for piece in _alive(source, report))
        for scene in divide(blocks, wanted):
            report(FoundScene(scene=scene, keyframes=()))
            count += 1
        return Looked(scenes=count, note=source.report.note)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    scene_id: str
    rank: int
    at_us: int


def _look_at_photo(report: Report, path: bytes, options: LookOptions) -> Looked:
    picture = read_photo(path, max_pixels=options.max_pixels, short_side=KEPT_SHORT_SIDE)
    scene = Scene(position=0, start_us=0, end_us=0)
    kept = _Kept(scene_id=scene.scene_id, rank=0, at_us=0)
    report(FoundScene(scene=scene, keyframes=(_keep(picture, kept, photo_quality(picture), options),)))
    return Looked(scenes=1)


def _keep(picture: Picture, kept: _Kept, quality: FrameQuality, options: LookOptions) -> Keyframe:
    keyframe_id = new_id()
    frame, thumbnail = keep(picture, options.folder, keyframe_id)
    return Keyframe(
        keyframe_id=keyframe_id,
        scene_id=kept.scene_id,
        rank=kept.rank,
        at_us=kept.at_us,
        width=frame.width,
        height=frame.height,
        quality=quality,
        frame=_derived(frame, options.home),
        thumbnail=_derived(thumbnail, options.home),
    )


def _derived(written: WrittenPicture, home: Path) -> DerivedFile:
    key = written.path.relative_to(home).as_posix()
    return DerivedFile(key=key, sha256=written.sha256, size_bytes=written.size_bytes)


def _reported(source: Iterable[Frame], report: Report) -> Iterator[Frame]:
    """Say that the pass is alive, now and then."""
    due_s = 0.0
    for frame in source:
        if time.monotonic() >= due_s:
            report(frame.at_us)
            due_s = time.monotonic() + REPORT_EVERY_S
        yield frame


def _alive(source: Iterable[SoundPiece], report: Report) -> Iterator[SoundPiece]:
    """The same of a recording, whose pieces hold two seconds."""
    due_s = 0.0
    for piece in source:
        if time.monotonic() >= due_s:
            report(piece.start_us)
            due_s = time.monotonic() + REPORT_EVERY_S
        yield piece


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _folder_error(error, folder) from error


def _folder_error(error: OSError, folder: Path) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"no space left for {folder}; free some and run `heimdex index` again")
    return StoreError(f"cannot write to {folder}: {error.strerror}; check the rights of the data folder")


# An inference process lives for its model, and an item's time has no room for loading it again.
FOR_GOOD_S = math.inf


def warm(report: Report, model: str, options: LoadOptions) -> None:
    """Load a model and run it once, so that no item pays for it."""
    encoder = warm_encoder(model, options, FOR_GOOD_S)
    blank = np.zeros((8, 8, 3), np.uint8)
    blank[:4] = 255
    report()
    list(encoder.encode_pictures([blank]))


def encode(report: Report, model: str, options: LoadOptions, paths: list[Path]) -> list[Encoded]:
    """The vectors of kept frames, in order. Reads exactly those files' pixels."""
    encoder = warm_encoder(model, options, FOR_GOOD_S)
    read = [_read(path) for path in paths]
    pictures = [picture for picture in read if not isinstance(picture, MediaError)]
    report()
    began = time.perf_counter()
    found = iter(list(encoder.encode_pictures(pictures)))
    each_ms = (time.perf_counter() - began) * 1000 / max(1, len(pictures))
    return [
        Encoded(error=str(picture))
        if isinstance(picture, MediaError)
        else Encoded(vectors=_halves(next(found)), inference_time_ms=each_ms, device=encoder.device)
        for picture in read
    ]


def _halves(vectors: tuple[Vector, ...]) -> tuple[NDArray[np.float16], ...]:
    return tuple(vector.values.astype(np.float16) for vector in vectors)


def _read(path: Path) -> Picture | MediaError:
    try:
        return read_picture(path)
    except MediaError as error:  # a kept file that was damaged costs one vector, not the batch
        return error
