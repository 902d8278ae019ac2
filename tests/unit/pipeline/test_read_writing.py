"""Which pictures of a film the reader gets to see, and for how long each stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from heimdex.entities import DerivedFile, Facts, Keyframe, Kind, Picture, Scene
from heimdex.errors import ModelError, UnreadableFile
from heimdex.extractors.lines import merged
from heimdex.extractors.rapid_ocr import ReaderOptions
from heimdex.extractors.writing import Reader, ReadLine
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.media.video import frames
from heimdex.pipeline import read_writing
from heimdex.pipeline.read_writing import CHAINED_US, Begun, Moment, Reading, read_film, read_still, stretches
from heimdex.pipeline.reading import looks
from heimdex.pipeline.workers import WorkerPool
from tests.media.clips import Clip, make
from tests.media.counter import read_number

FILM = Facts(kind=Kind.VIDEO, container="mp4")
SECOND = 1_000_000
ONE = ReaderOptions(threads=1)
COUNTER = Path(__file__).parents[4] / "shared/data/counter.mp4"
FILE = DerivedFile(key="a.jpg", sha256="0" * 64, size_bytes=1)


class Counting(Reader):
    """Reads the number that a frame carries."""

    def __init__(self) -> None:
        self.seen: list[Picture] = []
        self.fails_on: int | None = None

    def read(self, picture: Picture) -> list[ReadLine]:
        self.seen.append(picture)
        number = read_number(picture)
        if number == self.fails_on:
            raise ModelError("it is illegible")
        return [ReadLine(text=f"frame {number}", quad=((0, 0), (9, 0), (9, 9), (0, 9)), confidence=1.0)]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(read_writing, "warm_reader", lambda options: counting)
    return counting


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Facts]:
    path = bytes(make(Clip(count=300, delay_s=0.7), tmp_path_factory.mktemp("films")))
    recognised = recognise(path)
    assert recognised is not None
    return path, probe(path, recognised, max_pixels=10**8)


def moments(*at_us: int) -> list[Moment]:
    return [Moment(number=number, at_us=at) for number, at in enumerate(at_us)]


def heard(film: tuple[bytes, Facts], wanted: Sequence[Moment]) -> list[Any]:
    said: list[Any] = []
    path, facts = film
    read_film(lambda value=None: said.append(value), path, facts, wanted, ONE)
    return [value for value in said if value is not None]


def test_every_moment_shows_the_frame_that_was_kept_at_full_size(
    film: tuple[bytes, Facts], reader: Counting
) -> None:
    path, facts = film
    with frames(path, facts) as source:
        kept = [(frame.at_us, read_number(frame.render(0))) for frame in source]
    wanted = [kept[number] for number in (0, 31, 32, 140, 299)]
    said = heard(film, moments(*(at for at, _ in wanted)))
    assert [value for value in said if isinstance(value, Begun)] == [Begun(number=n) for n in range(5)]
    readings = [value for value in said if isinstance(value, Reading)]
    assert [reading.lines[0].text for reading in readings] == [f"frame {number}" for _, number in wanted]
    assert {(reading.width, reading.height) for reading in readings} == {(320, 180)}


def test_only_the_stretches_round_the_moments_are_decoded(
    film: tuple[bytes, Facts], reader: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def spied(path: bytes, facts: Facts, **options: Any) -> Any:
        asked.append((options["start_us"], options["end_us"]))
        return frames(path, facts, **options)

    monkeypatch.setattr(read_writing, "frames", spied)
    heard(film, moments(SECOND, 2 * SECOND, 11 * SECOND))
    assert asked == [(SECOND, 2 * SECOND + 1), (11 * SECOND, 11 * SECOND + 1)]


def test_a_film_that_cannot_be_sought_is_decoded_once() -> None:
    wanted = moments(0, 60 * SECOND, 120 * SECOND)
    assert stretches(replace(FILM, container="gif"), wanted) == [wanted]
    assert stretches(replace(FILM, clock_breaks=True), wanted) == [wanted]
    assert stretches(FILM, wanted) == [[moment] for moment in wanted]
    assert stretches(FILM, []) == []


def test_moments_close_to_each_other_are_decoded_in_one_go() -> None:
    one, two, three = moments(0, CHAINED_US, 2 * CHAINED_US + 1)
    assert stretches(FILM, [one, two, three]) == [[one, two], [three]]


def test_a_picture_in_which_nothing_changed_is_not_read_again(tmp_path: Path, reader: Counting) -> None:
    def paint(number: int) -> Picture:
        return Clip(width=640, height=360).picture(7 if number < 50 else 8)

    path = bytes(make(Clip(width=640, height=360, count=100, paint=paint, paint_name="two stills"), tmp_path))
    recognised = recognise(path)
    assert recognised is not None
    still = path, probe(path, recognised, max_pixels=10**8)
    said = heard(still, moments(0, SECOND, 3 * SECOND, 3 * SECOND + 500_000))
    texts = [value.lines[0].text for value in said if isinstance(value, Reading)]
    assert texts == ["frame 7", "frame 7", "frame 8", "frame 8"]
    assert len(reader.seen) == 2


def test_a_picture_that_fails_says_why_and_the_next_is_read(
    film: tuple[bytes, Facts], reader: Counting
) -> None:
    reader.fails_on = 25
    readings = [value for value in heard(film, moments(0, SECOND, 2 * SECOND)) if isinstance(value, Reading)]
    assert [reading.error for reading in readings] == [None, "it is illegible", None]


def test_a_moment_behind_the_end_says_that_its_frame_is_gone(
    film: tuple[bytes, Facts], reader: Counting
) -> None:
    (reading,) = heard(film, moments(3600 * SECOND))
    assert reading.error is not None
    assert "cannot be decoded again" in reading.error


def test_a_film_that_is_not_there_is_an_error_of_its_own(
    film: tuple[bytes, Facts], reader: Counting, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableFile):
        heard((bytes(tmp_path / "gone.mp4"), film[1]), moments(0))


def test_the_counter_of_a_real_film_is_read_at_its_times_and_no_two_counts_are_one_line() -> None:
    if not COUNTER.exists():
        pytest.skip(f"needs the test data: {COUNTER} is not there")
    path = bytes(COUNTER)
    recognised = recognise(path)
    assert recognised is not None
    facts = probe(path, recognised, max_pixels=10**8)
    wanted = moments(500_000, SECOND, 2 * SECOND)
    said: list[Any] = []
    readers = WorkerPool(1, memory_limit_bytes=0)  # native code is not trusted: as in a run
    try:
        readers.call(
            "heimdex.pipeline.read_writing:read_film",
            path,
            facts,
            wanted,
            ONE,
            timeout_s=120,
            on_progress=said.append,
        )
    finally:
        readers.close()
    readings = [value for value in said if isinstance(value, Reading)]
    assert [[line.text.replace(" ", "") for line in reading.lines] for reading in readings] == [
        ["Frame=6", "PTS=0.5s"],
        ["Frame=11", "PTS=1.0s"],
        ["Frame=21", "PTS=2.0s"],
    ]
    scene = Scene(position=0, start_us=0, end_us=3 * SECOND)
    kept = [keyframe(scene, moment.at_us) for moment in wanted]
    assert len(merged(looks([scene], kept, readings))) == 6


def test_a_photo_is_read_whole(tmp_path: Path, reader: Counting) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(Clip(width=900, height=600).picture(5)).save(path)
    reading = read_still(lambda value=None: None, bytes(path), 10**8, ONE)
    assert (reading.width, reading.height, reading.lines[0].text) == (900, 600, "frame 5")


def keyframe(scene: Scene, at_us: int) -> Keyframe:
    return Keyframe(
        scene_id=scene.scene_id,
        rank=0,
        at_us=at_us,
        width=64,
        height=36,
        quality=None,
        frame=FILE,
        thumbnail=FILE,
    )


def test_the_frames_of_a_scene_share_it_among_them() -> None:
    one = Scene(position=0, start_us=0, end_us=4 * SECOND)
    two = Scene(position=1, start_us=4 * SECOND, end_us=5 * SECOND)
    kept = [keyframe(one, SECOND), keyframe(one, 2 * SECOND), keyframe(two, 4 * SECOND)]
    readings = [Reading(number=number, width=64, height=36) for number in range(3)]
    found = looks([one, two], kept, readings)
    spans = [(look.start_us, look.end_us) for look in found]
    assert spans == [(0, 1_500_000), (1_500_000, 4 * SECOND), (4 * SECOND, 5 * SECOND)]
    assert all(before[1] == after[0] for before, after in pairwise(spans))


def test_a_frame_that_could_not_be_read_leaves_its_share_to_nobody() -> None:
    scene = Scene(position=0, start_us=0, end_us=4 * SECOND)
    kept = [keyframe(scene, SECOND), keyframe(scene, 3 * SECOND)]
    readings = [Reading(number=0, error="it is illegible"), Reading(number=1, width=64, height=36)]
    (found,) = looks([scene], kept, readings)
    assert (found.at_us, found.start_us, found.end_us) == (3 * SECOND, 2 * SECOND, 4 * SECOND)


def test_what_a_photo_shows_has_no_length() -> None:
    scene = Scene(position=0, start_us=0, end_us=0)
    (found,) = looks([scene], [keyframe(scene, 0)], [Reading(number=0, width=64, height=36)])
    assert (found.start_us, found.at_us, found.end_us) == (0, 0, 0)
