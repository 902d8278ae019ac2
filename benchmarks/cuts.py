"""Cuts, fades and dissolves found in clips whose truth is known, beside PySceneDetect, and how fast.

    python -m benchmarks.cuts FOLDER [--seeds FIRST AFTER] [--runs N] [--quick]

The clips of the seeds below 200 were looked at while the detector was made; those from 200 on were not.
A cut is found within one frame of the truth, a fade or dissolve within its own span, each boundary once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import cv2
import scenedetect
from scenedetect.scene_manager import compute_downscale_factor

from benchmarks.cuts_clips import Boundary, cached_clip
from benchmarks.films import cached_film
from benchmarks.plan import CORES, DATA, Plan, hold_to_cores
from benchmarks.rows import interleaved, ratio_of
from heimdex.entities import Facts, Frame
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.media.video import frames
from heimdex.scenes.content import ContentDetector

HELD_BACK = range(200, 216)
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


@dataclass(frozen=True, kw_only=True)
class Score:
    """What was found, missed, and found without being there."""

    hits: int
    misses: tuple[str, ...]  # their kinds
    extras: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.hits / max(1, 2 * self.hits + len(self.misses) + self.extras)


def facts_of(path: Path) -> Facts:
    recognised = recognise(bytes(path))
    assert recognised is not None
    return probe(bytes(path), recognised, max_pixels=MAX_PIXELS)


def ours(path: Path) -> list[float]:
    """Where our scenes begin but for the first, in seconds."""
    found = ContentDetector().detect(frames(bytes(path), facts_of(path), threads=CORES))
    return [scene.start_us / 1e6 for scene in found][1:]


def peer(detector: Callable[[], scenedetect.SceneDetector], path: Path) -> list[float]:
    """Where PySceneDetect's begin, with the settings it comes with."""
    return [start.seconds for start, _ in scenedetect.detect(str(path), detector())][1:]


DETECTORS: dict[str, Callable[[Path], list[float]]] = {
    OURS: ours,
    ADAPTIVE: partial(peer, scenedetect.AdaptiveDetector),
    CONTENT: partial(peer, scenedetect.ContentDetector),
}


def scored(found: Sequence[float], truth: Sequence[Boundary], frame_s: float) -> Score:
    """Compare times with the truth; every time answers to one boundary at most."""
    left = list(found)
    misses = []
    for boundary in truth:
        slack = 1.01 * frame_s
        fitting = [at for at in left if boundary.first_s - slack <= at <= boundary.last_s + slack]
        if fitting:
            left.remove(fitting[0])
        else:
            misses.append(boundary.kind)
    return Score(hits=len(found) - len(left), misses=tuple(misses), extras=len(left))


def total(scores: Iterable[Score]) -> Score:
    every = list(scores)
    return Score(
        hits=sum(score.hits for score in every),
        misses=tuple(kind for score in every for kind in score.misses),
        extras=sum(score.extras for score in every),
    )


def quality_text(folder: Path, seeds: Iterable[int]) -> str:
    """The table of what each detector finds."""
    clips = [cached_clip(folder, seed) for seed in seeds]
    truth = [boundary.kind for clip in clips for boundary in clip.boundaries]
    lines = [
        f"{len(clips)} made clips, {len(truth)} boundaries: "
        + ", ".join(f"{truth.count(kind)} {kind}" for kind in dict.fromkeys(sorted(truth))),
        "",
        "| | precision | recall | F1 | missed | F1 on testvideo.mp4 |",
        "|---|---|---|---|---|---|",
    ]
    for name, detect in DETECTORS.items():
        score = total(scored(detect(c.path), c.boundaries, 1 / float(c.rate)) for c in clips)
        real = "–"
        if REAL_FILM.exists():
            real = f"{scored(detect(REAL_FILM), REAL_TRUTH, 1 / REAL_RATE).f1:.3f}"
        missed = ", ".join(f"{score.misses.count(kind)} {kind}" for kind in sorted(set(score.misses)))
        precision = score.hits / max(1, score.hits + score.extras)
        recall = score.hits / max(1, len(truth))
        lines.append(
            f"| {name} | {precision:.3f} | {recall:.3f} | {score.f1:.3f} | {missed or '–'} | {real} |"
        )
    return "\n".join(lines) + "\n"


def speed_text(film: Path, runs: int) -> str:
    """The table of how long each takes, decoding included, and the detectors by themselves."""
    whole = interleaved({name: partial(detect, film) for name, detect in DETECTORS.items()}, runs)
    kept = list(frames_without_pixels(film))
    shrunk = shrunk_pictures(film)
    alone = interleaved(
        {
            OURS: lambda: list(ContentDetector().detect(iter(kept))),
            ADAPTIVE: partial(process, scenedetect.AdaptiveDetector, shrunk),
            CONTENT: partial(process, scenedetect.ContentDetector, shrunk),
        },
        runs,
    )
    lines = [
        f"{film.name}, {len(kept)} frames, medians of {runs} runs in turn",
        "",
        "| | film decoded and divided | to ours | the detector alone, a frame | to ours |",
        "|---|---|---|---|---|",
    ]
    for name in DETECTORS:
        cells = [
            f"{median(whole[name]):.2f} s",
            f"{ratio_of(whole[name], whole[OURS]):.2f} ×",
            f"{median(alone[name]) / len(kept) * 1000:.3f} ms",
            f"{ratio_of(alone[name], alone[OURS]):.1f} ×",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def frames_without_pixels(film: Path) -> Iterable[Frame]:
    """The film's frames, their decoded buffers let go."""
    for frame in frames(bytes(film), facts_of(film), threads=CORES):
        small = frame.small.copy()
        yield Frame(at_us=frame.at_us, end_us=frame.end_us, small=small, render=lambda _side, s=small: s)


def shrunk_pictures(film: Path) -> list[tuple[scenedetect.FrameTimecode, cv2.typing.MatLike]]:
    """What PySceneDetect hands to its detectors: decoded, and shrunk by the factor it chooses."""
    video = scenedetect.open_video(str(film))
    factor = compute_downscale_factor(video.frame_size[0])
    size = tuple(round(side / factor) for side in video.frame_size)
    shrunk = []
    while (picture := video.read()) is not False:
        shrunk.append((video.position, cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)))
    return shrunk


def process(
    detector: Callable[[], scenedetect.SceneDetector],
    pictures: Iterable[tuple[scenedetect.FrameTimecode, cv2.typing.MatLike]],
) -> None:
    made = detector()
    for position, picture in pictures:
        made.process_frame(position, picture)


def cuts_text(plan: Plan) -> str:
    """Both tables, for the benchmarks' page."""
    seeds = HELD_BACK[:2] if plan.quick else HELD_BACK
    film = cached_film(
        plan.cache, seconds=10 if plan.quick else 60, width=1920, height=1080, bframes=True
    ).path
    return quality_text(plan.cache, seeds) + "\n" + speed_text(film, plan.runs(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="clips are made here once")
    parser.add_argument("--seeds", type=int, nargs=2, default=(HELD_BACK.start, HELD_BACK.stop))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--film", type=Path, help="measure the speed on this film, not on a made one")
    parser.add_argument("--quick", action="store_true", help="two clips, ten seconds, one run")
    given = parser.parse_args()
    hold_to_cores()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.quick:
        print(cuts_text(Plan(cache=given.folder, quick=True)))
        return
    began = perf_counter()
    print(quality_text(given.folder, range(*given.seeds)), flush=True)
    film = given.film or cached_film(given.folder, seconds=60, width=1920, height=1080, bframes=True).path
    print(speed_text(film, given.runs))
    print(f"({perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
