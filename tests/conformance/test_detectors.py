"""What every detector owes, whatever it takes for a scene."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from heimdex.entities import Frame, Scene
from heimdex.keyframes import HELD_FRAMES, CandidatePool
from heimdex.scenes.content import ContentDetector
from heimdex.scenes.detector import Detector
from tests.golden.cuts_film import BLACK, RATE, Smalls, blank, faded, film, shot, timed, view

SECOND_US = 1_000_000


@pytest.fixture(params=[ContentDetector])
def detector(request: pytest.FixtureRequest) -> Detector:
    made: Callable[[], Detector] = request.param
    return made()


def sundry() -> list[Frame]:
    """A film with something of everything."""
    return film(
        blank(BLACK, 20),
        shot(view(1), 3, pan=0.2),
        shot(view(2), 0.8),
        faded(shot(view(3), 3), BLACK, out=15),
        faded(shot(view(4), 4, zoom=0.1), BLACK, into=15),
        shot(view(5), 1),
        start_us=700_000,
    )


def checked(scenes: Iterable[Scene], frames: list[Frame]) -> list[Scene]:
    """The scenes, after asserting that they cover the film in order and start at its frames."""
    found = list(scenes)
    starts = {frame.at_us for frame in frames}
    assert [scene.position for scene in found] == list(range(len(found)))
    assert found[0].start_us == frames[0].at_us
    assert found[-1].end_us == frames[-1].end_us
    for before, after in pairwise(found):
        assert before.end_us == after.start_us
    for scene in found:
        assert scene.start_us < scene.end_us
        assert scene.start_us in starts
    assert len({scene.scene_id for scene in found}) == len(found)
    return found


def test_scenes_cover_the_film_without_gaps_and_start_at_frames(detector: Detector) -> None:
    frames = sundry()
    assert len(checked(detector.detect(iter(frames)), frames)) >= 4


def test_the_same_film_gives_the_same_scenes(detector: Detector) -> None:
    once = [(scene.start_us, scene.end_us) for scene in detector.detect(sundry())]
    again = [(scene.start_us, scene.end_us) for scene in detector.detect(sundry())]
    assert once == again


def test_no_frames_make_no_scenes(detector: Detector) -> None:
    assert list(detector.detect([])) == []


@pytest.mark.parametrize("count", [1, 2, 3, 5, 13])
def test_the_shortest_films_are_one_scene(detector: Detector, count: int) -> None:
    frames = film(shot(view(1), 1)[:count])
    (scene,) = checked(detector.detect(frames), frames)
    assert scene.end_us == frames[-1].end_us


def test_a_film_all_black_is_covered(detector: Detector) -> None:
    frames = film(blank(BLACK, 50), noise=0)
    assert len(checked(detector.detect(frames), frames)) == 1


def test_frames_are_pulled_only_as_scenes_are_asked_for(detector: Detector) -> None:
    frames = film(*(shot(view(seed), 3) for seed in range(8)))
    pulled = 0

    def counted() -> Iterator[Frame]:
        nonlocal pulled
        for frame in frames:
            pulled += 1
            yield frame

    scenes = detector.detect(counted())
    assert pulled == 0
    first = next(scenes)
    assert first.end_us == 3 * SECOND_US
    assert pulled < 8 * RATE


def endless(take: Smalls, seconds: int, rate: int = RATE) -> Iterator[Frame]:
    """A take shown to and fro for so long."""
    there_and_back = np.concatenate([take, take[::-1]])
    for index in range(seconds * rate):
        at = index * SECOND_US // rate
        small = there_and_back[index % len(there_and_back)]
        yield from timed(small[None], [at, at + SECOND_US // rate])


@pytest.mark.parametrize("move", [0.0, 0.05])
def test_a_long_shot_is_divided_into_pieces_neither_long_nor_short(detector: Detector, move: float) -> None:
    frames = list(endless(shot(view(1), 4, pan=move), 100))
    scenes = checked(detector.detect(frames), frames)
    lengths = [(scene.end_us - scene.start_us) / SECOND_US for scene in scenes]
    assert max(lengths) <= 30
    assert min(lengths) >= 4


def test_memory_is_bounded_over_a_long_shot(detector: Detector) -> None:
    peaks = []
    for seconds in (80, 320):
        tracemalloc.start()
        for _ in detector.detect(endless(shot(view(1), 4, pan=0.05), seconds, rate=5)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 60_000_000


def test_memory_is_bounded_where_a_file_claims_a_million_frames_a_second(detector: Detector) -> None:
    take = shot(view(1), 2, pan=0.1)
    peaks = []
    for rounds in (20, 60):
        frames = (
            frame
            for turn in range(rounds)
            for frame in timed(take, range(turn * len(take), (turn + 1) * len(take) + 1))
        )
        tracemalloc.start()
        (scene,) = detector.detect(frames)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert scene.end_us == rounds * len(take)
    assert peaks[1] < 1.1 * peaks[0]


def test_two_films_side_by_side_do_not_mix(detector: Detector) -> None:
    first, second = sundry(), film(*(shot(view(seed), 2) for seed in range(3)))
    alone = [scene.end_us for scene in detector.detect(second)]
    left, right = detector.detect(first), detector.detect(second)
    woven = []
    for scene in right:
        next(left, None)
        woven.append(scene.end_us)
    assert woven == alone


def test_every_scene_has_a_keyframe_and_few_frames_are_held(detector: Detector) -> None:
    frames = sundry()
    pool = CandidatePool()

    def watched() -> Iterator[Frame]:
        for frame in pool.watch(frames):
            assert pool.held <= HELD_FRAMES
            yield frame

    for scene in detector.detect(watched()):
        choices = pool.choose(scene)
        assert choices, f"nothing to show for {scene}"
        assert [choice.rank for choice in choices] == list(range(len(choices)))
        assert all(scene.start_us <= choice.frame.at_us < scene.end_us for choice in choices)


@pytest.mark.parametrize("pan", [0.3, -0.3])
def test_the_motion_record_says_which_way_the_camera_turned(detector: Detector, pan: float) -> None:
    (scene,) = detector.detect(film(shot(view(1), 2, pan=pan)))
    assert scene.motion.pan == pytest.approx(pan, rel=0.15)
    assert scene.motion.tilt == pytest.approx(0, abs=0.03)
    assert scene.motion.energy > 0
