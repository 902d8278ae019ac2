"""Indexing one minute of 1080p beside decoding it with ffmpeg and dividing it with PySceneDetect.

Peers are whole commands on the same two cores; ours is measured as a whole command too, and inside a process
whose library is open already, which is what a folder of films pays for each of them.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

import av

from benchmarks.films import cached_film
from benchmarks.plan import CORES, Plan, fresh_home, heimdex, index, run, set_aside
from benchmarks.reference_clip import PictureTower, tower
from benchmarks.rows import Row, at_most, interleaved, times_as_long
from heimdex import Heimdex
from heimdex.entities import KEYFRAMES_PER_SCENE
from heimdex.media.pictures import read_picture

BAR = 1.25


def film_rows(plan: Plan) -> list[Row]:
    """The film line of the design's table."""
    length_s = 10 if plan.quick else 60
    film = cached_film(plan.cache, seconds=length_s, width=1920, height=1080, bframes=True).path
    model = tower(plan.cache)
    with fresh_home() as home, fresh_home() as other, fresh_home() as aside, Heimdex(home=home) as library:
        index(library, film)  # compiled graphs and the disk's cache are warm from here on
        run(heimdex("index", film, home=other))
        kept = set_aside(kept_frames(library, film), aside)
        times = interleaved(
            {
                "peer": decode(film),
                "inside": lambda: index(library, film),
                "vit": lambda: encode(model, kept),
                "command": lambda: run(heimdex("index", film, home=other)),
                "start": lambda: run(heimdex("status", home=other)),
                "scenedetect": lambda: run(scenedetect(film)),
            },
            plan.runs(5),
            before={
                "inside": lambda: library.remove(film),
                "command": lambda: run(heimdex("remove", film, home=other)),
            },
        )
    return rows_of(times, length_s, len(kept))


def rows_of(times: dict[str, list[float]], length_s: int, pictures: int) -> list[Row]:
    """Ratios run by run, then their medians."""
    ffmpeg, adaptive = f"`{peer_name()}`", "`scenedetect detect-adaptive`"
    inside, command, peer, slower = (times[name] for name in ("inside", "command", "peer", "scenedetect"))
    both = [ours + vit for ours, vit in zip(inside, times["vit"], strict=True)]
    extra = f"and a ViT-B/32 on {KEYFRAMES_PER_SCENE} frames a scene ({pictures} pictures) after it"
    return [
        times_as_long(
            f"index of a {length_s} s 1080p film, library open, beside {ffmpeg}", inside, peer, BAR
        ),
        times_as_long(f"… {extra}", both, peer, BAR),
        times_as_long("… whole command, server started and stopped", command, peer, BAR),
        at_most(
            "… of which `heimdex status`, a command that does nothing, takes", median(times["start"]), "s"
        ),
        times_as_long(f"whole command beside {adaptive}", command, slower, 1.0),
        times_as_long(f"… library open, {extra}", both, slower, 1.0),
    ]


def peer_name() -> str:
    """What decodes here: ffmpeg where it is installed, else PyAV without anything around it."""
    return "ffmpeg -f null" if shutil.which("ffmpeg") else "bare decoding with PyAV"


def decode(film: Path) -> Callable[[], object]:
    """Decode every frame and drop it, with as many threads as we use."""
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        "-threads",
        str(CORES),
        "-i",
        str(film),
        "-f",
        "null",
        "-",
    ]
    if shutil.which("ffmpeg"):
        return lambda: run(command)
    return lambda: decode_bare(film)


def decode_bare(film: Path) -> None:
    """What ffmpeg would do, by PyAV."""
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = CORES
        stream.codec_context.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass


def scenedetect(film: Path) -> list[str]:
    """PySceneDetect's own command, adaptive detector, all defaults."""
    return [str(Path(sys.executable).parent / "scenedetect"), "--quiet", "-i", str(film), "detect-adaptive"]


def kept_frames(library: Heimdex, film: Path) -> list[Path]:
    """Three kept frames for each scene; a scene that kept fewer gives some of its own twice."""
    found: list[Path] = []
    for scene in library.show(str(film))["scenes"]:
        frames = [Path(keyframe["frame"]) for keyframe in scene["keyframes"]]
        found += [frames[number % len(frames)] for number in range(KEYFRAMES_PER_SCENE)]
    return found


def encode(model: PictureTower, paths: list[Path]) -> None:
    """Read the kept files, prepare and encode them, in batches."""
    for start in range(0, len(paths), model.batch):
        model.embed([read_picture(path) for path in paths[start : start + model.batch]])
