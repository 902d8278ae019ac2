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
from benchmarks.plan import CORES, SEEN, STAGES, Plan, fresh_home, heimdex, index, run
from benchmarks.rows import Row, at_most, interleaved, times_as_long
from heimdex import Heimdex
from heimdex.encoders import catalog
from tests.random_weights import write

BAR = 1.25
VIT = "clip-vit-b-32-openai"


def film_rows(plan: Plan) -> list[Row]:
    """The film line of the design's table."""
    length_s = 10 if plan.quick else 60
    film = cached_film(plan.cache, seconds=length_s, width=1920, height=1080, bframes=True).path
    full = {"picture_model": VIT, "models_dir": full_size(plan.cache)}
    with (
        fresh_home() as home,
        fresh_home() as vit_home,
        fresh_home() as other,
        Heimdex(home=home) as library,
        Heimdex(home=vit_home, **full) as vit,
    ):
        for one in (library, vit):  # compiled graphs and the disk's cache are warm from here on
            index(one, film, stages=SEEN)
        run(heimdex("index", film, *STAGES, home=other))
        times = interleaved(
            {
                "peer": decode(film),
                "inside": lambda: index(library, film, stages=SEEN),
                "vit": lambda: index(vit, film, stages=SEEN),
                "command": lambda: run(heimdex("index", film, *STAGES, home=other)),
                "start": lambda: run(heimdex("status", home=other)),
                "scenedetect": lambda: run(scenedetect(film)),
            },
            plan.runs(5),
            before={
                "inside": lambda: library.remove(film),
                "vit": lambda: vit.remove(film),
                "command": lambda: run(heimdex("remove", film, home=other)),
            },
        )
        return rows_of(times, length_s, library.status()["keyframes"])


def full_size(cache: Path) -> Path:
    """A folder of models with a ViT-B/32 of random weights in it: speed does not ask what they are."""
    folder = cache / "random-models"
    row = catalog.find(VIT)
    if not (folder / row.name / "manifest.json").exists():
        write(row, folder / row.name)
    return folder


def rows_of(times: dict[str, list[float]], length_s: int, pictures: int) -> list[Row]:
    """Ratios run by run, then their medians."""
    ffmpeg, adaptive = f"`{peer_name()}`", "`scenedetect detect-adaptive`"
    inside, vit, command = (times[name] for name in ("inside", "vit", "command"))
    peer, slower = times["peer"], times["scenedetect"]
    extra = f"with a ViT-B/32 as its model ({pictures} kept frames)"
    return [
        times_as_long(
            f"index of a {length_s} s 1080p film, library open, beside {ffmpeg}", inside, peer, BAR
        ),
        times_as_long(f"… {extra}", vit, peer, BAR),
        times_as_long("… whole command, server started and stopped", command, peer, BAR),
        at_most(
            "… of which `heimdex status`, a command that does nothing, takes", median(times["start"]), "s"
        ),
        times_as_long(f"whole command beside {adaptive}", command, slower, 1.0),
        times_as_long(f"… library open, {extra}", vit, slower, 1.0),
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
