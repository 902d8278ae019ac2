"""The decode pass over a long film: which frames it leaves out, and that nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heimdex.entities import Facts, FoundScene, Frame, Looked, Picture, StartOver
from heimdex.media import video
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.pipeline import work
from heimdex.pipeline.tools import SceneOptions
from tests.golden.cuts_film import view
from tests.media.clips import Clip, make

RATE, COUNT = 25, 21 * 25
WIDTH, HEIGHT = 192, 108
ENCODED = (("preset", "veryfast"), ("bf", "3"))


class Pass:
    """A film of these cuts, looked at; what was reported, and how each pass over it was opened."""

    def __init__(self, folder: Path, cuts: tuple[int, ...], options: tuple[tuple[str, str], ...]) -> None:
        views = [view(seed) for seed in range(len(cuts) + 1)]

        def paint(number: int) -> Picture:
            shown = views[sum(number >= cut for cut in cuts)]
            left = 350 - abs(number % 500 - 250)
            return np.ascontiguousarray(shown[50 : 50 + 2 * HEIGHT : 2, left : left + 2 * WIDTH : 2])

        clip = Clip(
            width=WIDTH,
            height=HEIGHT,
            count=COUNT,
            rate=RATE,
            group=250,
            options=ENCODED + options,
            paint=paint,
            paint_name=f"panned views {cuts}",
        )
        self.cuts_us = [cut * 1_000_000 // RATE for cut in cuts]
        self.path = bytes(make(clip, folder))
        recognised = recognise(self.path)
        assert recognised is not None
        self.facts = probe(self.path, recognised, max_pixels=10**8)
        self.folder = folder / "attempt"
        self.reported: list[Any] = []

    def look(self) -> Looked:
        options = work.LookOptions(
            home=self.folder.parent, folder=self.folder, scenes=SceneOptions(), max_pixels=10**8, threads=2
        )
        return work.look(lambda said=None: self.reported.append(said), self.path, self.facts, options)

    @property
    def found(self) -> list[FoundScene]:
        """What holds of all that was reported."""
        over = [n for n, said in enumerate(self.reported) if isinstance(said, StartOver)]
        last = self.reported[over[-1] :] if over else self.reported
        return [said for said in last if isinstance(said, FoundScene)]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each pass over the whole film left out frames."""
    passes: list[bool] = []
    real = video.frames

    def frames(path: bytes, facts: Facts, **wanted: Any) -> Iterator[Frame]:
        if wanted.get("start_us") is None and wanted.get("end_us") is None:
            passes.append(wanted["referenced_only"])
        return real(path, facts, **wanted)

    monkeypatch.setattr(work, "frames", frames)
    return passes


def check(seen: Pass, looked: Looked) -> None:
    scenes = [found.scene for found in seen.found]
    assert [scene.start_us for scene in scenes[1:]] == seen.cuts_us
    assert [scene.position for scene in scenes] == list(range(len(scenes)))
    assert all(one.end_us == two.start_us for one, two in pairwise(scenes))
    assert looked.scenes == len(scenes)
    kept = {path.name for path in seen.folder.rglob("*") if path.is_file()}
    told = {Path(k.frame.key).name for found in seen.found for k in found.keyframes}
    told |= {Path(k.thumbnail.key).name for found in seen.found for k in found.keyframes}
    assert kept == told
    for found in seen.found:
        inside = [found.scene.start_us <= k.at_us < found.scene.end_us for k in found.keyframes]
        assert inside
        assert all(inside)


def test_a_long_film_is_divided_from_the_frames_others_refer_to(tmp_path: Path, opened: list[bool]) -> None:
    seen = Pass(tmp_path, (101, 203, 302, 410), ())
    check(seen, seen.look())
    assert opened == [True]


def test_cuts_among_frames_left_out_are_exact_too(tmp_path: Path, opened: list[bool]) -> None:
    seen = Pass(tmp_path, (101, 203, 302, 410), (("sc_threshold", "0"), ("keyint_min", "250")))
    check(seen, seen.look())
    assert opened == [True]


def test_a_film_that_would_be_looked_up_again_and_again_is_decoded_whole(
    tmp_path: Path, opened: list[bool]
) -> None:
    cuts = tuple(range(31, COUNT - 20, 22))
    seen = Pass(tmp_path, cuts, (("sc_threshold", "0"), ("keyint_min", "250")))
    check(seen, seen.look())
    assert opened == [True, False]
    assert any(isinstance(said, StartOver) for said in seen.reported)


def test_a_film_of_which_too_few_frames_would_be_left_is_decoded_whole(
    tmp_path: Path, opened: list[bool]
) -> None:
    seen = Pass(
        tmp_path, (101, 203, 302, 410), (("b_strategy", "0"), ("x264-params", "b-pyramid=none:b-adapt=0"))
    )
    check(seen, seen.look())
    assert opened == [False]


def test_a_short_film_is_decoded_whole(
    tmp_path: Path, opened: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LONG_US", 22_000_000)
    seen = Pass(tmp_path, (101, 203, 302, 410), ())
    check(seen, seen.look())
    assert opened == [False]
