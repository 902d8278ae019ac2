"""The detectors that are compared: each takes a film and tells where its scenes begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import av
import scenedetect

from benchmarks.cuts_clips import Boundary
from benchmarks.plan import CORES, DATA
from heimdex.entities import Facts, Frame
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.media.video import frames
from heimdex.scenes.coarse import LEAST_RATE, CoarseDetector
from heimdex.scenes.content import ContentDetector

REAL_FILM = DATA / "testvideo.mp4"
REAL_RATE = 30 / 1.001
REAL_TRUTH = (  # by eye, in frames: cuts from and to black, a fade through black, a dissolve
    Boundary(kind="cut", first_s=30 / REAL_RATE, last_s=30 / REAL_RATE),
    Boundary(kind="cut", first_s=180 / REAL_RATE, last_s=180 / REAL_RATE),
    Boundary(kind="black", first_s=340 / REAL_RATE, last_s=420 / REAL_RATE),
    Boundary(kind="dissolve", first_s=530 / REAL_RATE, last_s=562 / REAL_RATE),
)
OURS, ADAPTIVE, CONTENT = "Heimdex", "PySceneDetect Adaptive", "PySceneDetect Content"
MAX_PIXELS = 100_000_000


def facts_of(path: Path) -> Facts:
    recognised = recognise(bytes(path))
    assert recognised is not None
    return probe(bytes(path), recognised, max_pixels=MAX_PIXELS)


def decode_bare(path: Path) -> None:
    """What all of them have to do."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = CORES
        stream.codec_context.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass


def ours(path: Path) -> list[float]:
    """Where our scenes begin but for the first, in seconds."""
    found = ContentDetector().detect(frames(bytes(path), facts_of(path), threads=CORES))
    return [scene.start_us / 1e6 for scene in found][1:]


def peer(detector: Callable[[], scenedetect.SceneDetector], path: Path) -> list[float]:
    """Where PySceneDetect's begin, with the settings it comes with."""
    return [start.seconds for start, _ in scenedetect.detect(str(path), detector())][1:]


def ours_coarse(path: Path) -> list[float]:
    """Where our scenes begin, from referenced frames alone; doubtful cuts are looked up."""
    facts = facts_of(path)
    referenced = frames(bytes(path), facts, threads=CORES, referenced_only=True)
    detector = CoarseDetector(ContentDetector(), facts.frame_rate or LEAST_RATE)

    def reopen(start_us: int, end_us: int) -> Iterable[Frame]:
        return frames(bytes(path), facts, threads=CORES, start_us=start_us, end_us=end_us)

    return [scene.start_us / 1e6 for scene in detector.detect(referenced, reopen)][1:]


DETECTORS: dict[str, Callable[[Path], list[float]]] = {
    OURS: ours,
    ADAPTIVE: partial(peer, scenedetect.AdaptiveDetector),
    CONTENT: partial(peer, scenedetect.ContentDetector),
}
