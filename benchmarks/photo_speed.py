"""Indexing a folder of photos end to end, beside a loop over the same files with open_clip."""

from __future__ import annotations

from pathlib import Path

from benchmarks.film_speed import encode
from benchmarks.plan import SEEN, STAGES, Plan, fresh_home, heimdex, index, photos, run, set_aside
from benchmarks.reference_clip import OpenClip, tower
from benchmarks.rows import Row, at_most, interleaved, times_as_fast
from heimdex import Heimdex


def photo_rows(plan: Plan) -> list[Row]:
    """Photos per second, from the files to what can be searched."""
    files = photos(40 if plan.quick else None)
    some = files[:: max(1, len(files) // (4 if plan.quick else 40))]
    roots = files if plan.quick else [files[0].parent]
    peer, engine = OpenClip(), tower(plan.cache)
    peer.embed_file(files[0])
    with fresh_home() as home, fresh_home() as other, fresh_home() as aside, Heimdex(home=home) as library:
        index(library, *roots, stages=SEEN)
        run(heimdex("index", *roots, *STAGES, home=other))
        kept = set_aside((kept_frame(library, path) for path in files), aside)
        times = interleaved(
            {
                "inside": lambda: index(library, *roots, stages=SEEN),
                "peer": lambda: [peer.embed_file(path) for path in some],
                "vit": lambda: encode(engine, kept),
                "command": lambda: run(heimdex("index", *roots, *STAGES, home=other)),
            },
            plan.runs(5),
            before={
                "inside": lambda: library.remove(*roots),
                "command": lambda: run(heimdex("remove", *roots, home=other)),
            },
        )
    each = {name: [time / len(files) for time in times[name]] for name in ("inside", "vit", "command")}
    theirs = [time / len(some) for time in times["peer"]]
    both = [inside + vit for inside, vit in zip(each["inside"], each["vit"], strict=True)]
    rate = 1 / sorted(each["command"])[len(each["command"]) // 2]
    return [
        at_most(f"index of {len(files)} photos end to end, whole command, photos a second", rate, "/s"),
        times_as_fast("… beside open_clip ViT-B/32 one by one", each["command"], theirs),
        times_as_fast("… library open", each["inside"], theirs),
        times_as_fast("… library open, and a ViT-B/32 over the kept frames after it", both, theirs),
    ]


def kept_frame(library: Heimdex, path: Path) -> Path:
    """The file its picture encoder read."""
    return Path(library.show(str(path))["scenes"][0]["keyframes"][0]["frame"])
