"""Cuts, fades and dissolves found in clips whose truth is known, beside PySceneDetect, and how fast.

    python -m benchmarks.cuts FOLDER [--seeds FIRST AFTER] [--runs N] [--quick]

The clips of the seeds below 200 were looked at while the detector was made; those from 200 on were not.
A cut is found within one frame of the truth, a fade or dissolve within its own span, each boundary once.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import cv2
import scenedetect
from scenedetect.scene_manager import compute_downscale_factor

from benchmarks.cuts_clips import Boundary, cached_clip
from benchmarks.cuts_detectors import (
    ADAPTIVE,
    CONTENT,
    DETECTORS,
    OURS,
    REAL_FILM,
    REAL_RATE,
    REAL_TRUTH,
    decode_bare,
    facts_of,
    ours,
    ours_coarse,
)
from benchmarks.films import cached_film
from benchmarks.plan import CORES, Plan, hold_to_cores
from benchmarks.rows import ratio_of
from heimdex.entities import Frame
from heimdex.media.video import frames
from heimdex.scenes.coarse import LEAST_RATE
from heimdex.scenes.content import ContentDetector

HELD_BACK = range(200, 216)
BARE = "bare decoding"


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
    work = {name: partial(detect, film) for name, detect in DETECTORS.items()}
    whole = in_turn({BARE: partial(decode_bare, film), **work}, runs)
    kept = list(frames_without_pixels(film))
    shrunk = shrunk_pictures(film)
    alone = in_turn(
        {
            OURS: lambda: list(ContentDetector().detect(iter(kept))),
            ADAPTIVE: partial(process, scenedetect.AdaptiveDetector, shrunk),
            CONTENT: partial(process, scenedetect.ContentDetector, shrunk),
        },
        runs,
    )
    lines = [
        f"{film.name}, {len(kept)} frames, medians of {runs} runs in turn; processor time of all threads",
        "",
        "| | film divided | to ours | beyond bare decoding | to ours | detector alone, a frame | to ours |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in DETECTORS:
        cells = [
            f"{median(whole[name]):.2f} s",
            f"{ratio_of(whole[name], whole[OURS]):.2f} ×",
            f"{median(beyond(whole, name)):.2f} s",
            f"{ratio_of(beyond(whole, name), beyond(whole, OURS)):.1f} ×",
            f"{median(alone[name]) / len(kept) * 1000:.3f} ms",
            f"{ratio_of(alone[name], alone[OURS]):.1f} ×",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def coarse_text(folder: Path, seeds: Iterable[int], film: Path) -> str:
    """What is left of the full pass's boundaries and time when only referenced frames are decoded."""
    clips = [
        (c.path, c.boundaries) for c in (cached_clip(folder, seed) for seed in seeds) if c.rate >= LEAST_RATE
    ]
    if REAL_FILM.exists():
        clips.append((REAL_FILM, REAL_TRUTH))
    lines = [
        f"Only the frames others refer to, on {len(clips)} clips of at least {LEAST_RATE:g} frames a second "
        f"and on {film.name}",
        "",
        "| | boundaries | found again | on the very same frame | processor, to the full pass |",
        "|---|---|---|---|---|",
    ]
    for name, chosen in (("clips", clips), (film.name, [(film, ())])):
        full, again, same, spent = Counter[str](), 0, Counter[str](), [0.0, 0.0]
        for path, truth in chosen:
            found: list[list[float]] = []
            for number, detect in enumerate((ours, ours_coarse)):
                used = process_time()
                found.append(detect(path))
                spent[number] += process_time() - used
            for at in found[0]:
                kind = kind_at(at, truth)
                full[kind] += 1
                again += any(abs(at - other) < 0.5 for other in found[1])
                same[kind] += at in found[1]
        kinds = ", ".join(f"{same[kind]} of {count} {kind}" for kind, count in sorted(full.items()))
        ratio_text = f"{spent[1] / spent[0]:.2f} ×"
        lines.append(f"| {name} | {full.total()} | {again} | {kinds} | {ratio_text} |")
    return "\n".join(lines) + "\n"


def kind_at(at_s: float, truth: Sequence[Boundary]) -> str:
    """What kind of boundary a time answers to; all that is no fade and no dissolve is a cut."""
    fitting = (b.kind for b in truth if b.kind != "cut" and b.first_s - 0.05 <= at_s <= b.last_s + 0.05)
    return next(fitting, "cut")


def beyond(times: Mapping[str, Sequence[float]], name: str) -> list[float]:
    """What each run took beyond decoding the film, which all of them have to."""
    return [took - bare for took, bare in zip(times[name], times[BARE], strict=True)]


def in_turn(work: Mapping[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """Run some things in turn, round by round: the processor seconds of all threads.

    They hardly depend on what else the machine does, as the clock would.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(runs):
        for name, step in work.items():
            used = process_time()
            step()
            times[name].append(process_time() - used)
    return times


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
    texts = (
        quality_text(plan.cache, seeds),
        speed_text(film, plan.runs(5)),
        coarse_text(plan.cache, seeds, film),
    )
    return "\n".join(texts)


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
    print(speed_text(film, given.runs), flush=True)
    print(coarse_text(given.folder, range(*given.seeds), film))
    print(f"({perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
