"""Scenes from the frames that others refer to."""

from __future__ import annotations

from dataclasses import replace

from heimdex.entities import Frame
from heimdex.scenes.coarse import CoarseDetector
from heimdex.scenes.content import ContentDetector
from tests.golden.cuts_film import BLACK, RATE, faded, film, scenes, shot, view


class Reader:
    """A film of which every third frame is referred to, and those besides that are named."""

    def __init__(self, frames: list[Frame], also: set[int] | None = None):
        self.frames = frames
        rows = [n for n in range(len(frames)) if n % 3 == 0 or n in (also or set())]
        ends = [frames[n].at_us for n in rows[1:]] + [frames[-1].end_us]
        self.referenced = [replace(frames[n], end_us=end) for n, end in zip(rows, ends, strict=True)]
        self.reopened: list[tuple[int, int]] = []

    def reopen(self, start_us: int, end_us: int) -> list[Frame]:
        self.reopened.append((start_us, end_us))
        return [frame for frame in self.frames if start_us < frame.end_us and frame.at_us < end_us]

    def found(self) -> list[tuple[int, int]]:
        made = CoarseDetector(ContentDetector(), RATE).detect(iter(self.referenced), self.reopen)
        return [(scene.start_us, scene.end_us) for scene in made]


def spans(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(scene.start_us, scene.end_us) for scene in scenes(frames)]


def test_cuts_at_a_new_group_of_pictures_are_exact_without_looking_again() -> None:
    frames = film(shot(view(1), 2.04, pan=0.1), shot(view(2), 2.2), shot(view(3), 2))
    reader = Reader(frames, also={50, 51, 105, 106})
    assert reader.found() == spans(frames)
    assert reader.reopened == []


def test_cuts_among_frames_left_out_are_looked_up() -> None:
    frames = film(shot(view(1), 2.0, pan=0.1), shot(view(2), 2.2), shot(view(3), 2))
    reader = Reader(frames)
    assert reader.found() == spans(frames)
    assert len(reader.reopened) == 2
    assert all(end - start <= 3 * 40_000 + 1 for start, end in reader.reopened)


def test_fades_are_found_inside_and_not_looked_up() -> None:
    first, second = faded(shot(view(1), 3), BLACK, out=15), faded(shot(view(2), 3), BLACK, into=15)
    reader = Reader(film(first, second))
    (one, two) = reader.found()
    assert one[1] == two[0]
    assert abs(one[1] - 3_000_000) <= 3 * 40_000
    assert reader.reopened == []


def test_the_scenes_cover_the_film() -> None:
    frames = film(*(shot(view(seed), 1.5, pan=0.2) for seed in range(5)))
    found = Reader(frames).found()
    assert found[0][0] == frames[0].at_us
    assert found[-1][1] == frames[-1].end_us
    assert [end for _, end in found[:-1]] == [start for start, _ in found[1:]]


def test_a_file_that_shows_nothing_on_the_second_look_keeps_the_coarse_cut() -> None:
    reader = Reader(film(shot(view(1), 2.0), shot(view(2), 2.0)))
    found = CoarseDetector(ContentDetector(), RATE).detect(reader.referenced, lambda _start, _end: [])
    assert [scene.end_us for scene in found] == [2_040_000, 4_000_000]
