"""The frames that stand for a scene."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageFilter

from heimdex.entities import Choice, Frame, Picture, Scene
from heimdex.keyframes import HELD_FRAMES, CandidatePool, photo_quality
from heimdex.scenes.content import ContentDetector
from tests.golden.cuts_film import BLACK, RATE, Smalls, blank, dissolved, faded, film, lit, shot, view

SECOND_US = 1_000_000


def chosen(frames: list[Frame], *ends_s: float) -> list[tuple[Choice, ...]]:
    """What is chosen for scenes that end at these seconds, each known two seconds of film later."""
    pool = CandidatePool()
    ends = [round(end * SECOND_US) for end in ends_s]
    starts = [frames[0].at_us, *ends]
    waiting = [Scene(position=n, start_us=starts[n], end_us=end) for n, end in enumerate(ends)]
    found = []
    for frame in pool.watch(frames):
        assert pool.held <= HELD_FRAMES
        while waiting and frame.at_us >= waiting[0].end_us + 2 * SECOND_US:
            found.append(pool.choose(waiting.pop(0)))
    return found + [pool.choose(scene) for scene in waiting]


def seconds(choices: tuple[Choice, ...]) -> list[float]:
    return [choice.frame.at_us / SECOND_US for choice in choices]


def blurred(smalls: Smalls, radius: float) -> Smalls:
    softer = [np.asarray(Image.fromarray(s).filter(ImageFilter.GaussianBlur(radius))) for s in smalls]
    return np.stack(softer)


def test_frames_pass_through_unchanged_and_in_order() -> None:
    frames = film(shot(view(1), 2), shot(view(2), 2))
    assert list(CandidatePool().watch(frames)) == frames


def test_a_still_shot_has_one_keyframe_for_there_are_no_twins() -> None:
    ((choice,),) = chosen(film(shot(view(1), 4)), 4)
    assert choice.rank == 0


def test_a_shot_that_shows_several_things_has_three_keyframes_that_differ() -> None:
    (choices,) = chosen(film(shot(view(1), 4, pan=0.25)), 4)
    assert [choice.rank for choice in choices] == [0, 1, 2]
    smalls = [choice.frame.small.astype(int) for choice in choices]
    for one in range(3):
        for other in range(one):
            assert np.abs(smalls[one] - smalls[other]).mean() > 7


def test_the_sharp_moment_of_a_shot_is_chosen() -> None:
    take = shot(view(2), 4)
    soft = np.concatenate([blurred(take[:60], 1.2), take[60:70], blurred(take[70:], 1.2)])
    (choices,) = chosen(film(soft), 4)
    assert 2.4 <= seconds(choices)[0] < 2.8


def test_the_well_lit_moment_of_a_shot_is_chosen() -> None:
    gain = np.full(100, 0.2)
    gain[40:60] = 1.0
    (choices,) = chosen(film(lit(shot(view(3), 4), gain, np.zeros(100))), 4)
    assert 1.6 <= seconds(choices)[0] < 2.4


def test_the_moment_at_which_the_camera_rests_is_chosen() -> None:
    fast = shot(view(4), 1, pan=0.9)
    take = np.concatenate([fast, np.repeat(fast[-1:], 15, axis=0), fast[::-1]])
    (choices,) = chosen(film(take), 2.6)
    assert 1.0 <= seconds(choices)[0] < 1.6


def test_keyframes_stay_away_from_cuts() -> None:
    for choices, start in zip(
        chosen(film(*(shot(view(n), 2) for n in range(3))), 2, 4, 6), (0, 2, 4), strict=True
    ):
        assert all(start + 0.3 <= at < start + 1.7 for at in seconds(choices)[:1])


def test_keyframes_stay_out_of_fades_and_dissolves() -> None:
    first = faded(shot(view(1), 3), BLACK, out=20)
    second = faded(shot(view(2), 3), BLACK, into=20)
    for choices, low, high in zip(chosen(film(first, second), 3, 6), (0, 3.8), (2.2, 6), strict=True):
        assert low <= seconds(choices)[0] < high
    mixed = dissolved(shot(view(3), 3), shot(view(4), 3), 20)
    for choices, low, high in zip(chosen(film(mixed), 2.6, 5.2), (0, 3.0), (2.2, 5.2), strict=True):
        assert low <= seconds(choices)[0] < high


def test_a_black_scene_has_one_keyframe_and_it_says_blank() -> None:
    ((choice,),) = chosen(film(blank(BLACK, 100)), 4)
    assert choice.quality.blank
    assert choice.quality.quality_score < 0.1


def test_a_black_frame_is_never_chosen_beside_a_picture() -> None:
    (choices,) = chosen(film(shot(view(1), 1), blank(BLACK, 80)), 4.2)
    assert not any(choice.quality.blank for choice in choices)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_scene_of_few_frames_between_others_has_a_keyframe(frames: int) -> None:
    parts = shot(view(1), 2), shot(view(2), 1)[:frames], shot(view(3), 2)
    found = chosen(film(*parts), 2, 2 + frames / RATE, 4 + frames / RATE)
    assert [len(choices) >= 1 for choices in found] == [True, True, True]
    assert seconds(found[1])[0] == pytest.approx(2, abs=frames / RATE)


def test_every_piece_of_a_long_shot_has_keyframes_and_few_frames_are_held() -> None:
    take = shot(view(5), 4, pan=0.05)
    long = film(*[take, take[::-1]] * 10)
    pool = CandidatePool()

    def watched() -> Iterator[Frame]:
        for frame in pool.watch(long):
            assert pool.held <= HELD_FRAMES
            yield frame

    pieces = list(ContentDetector().detect(watched()))
    assert len(pieces) >= 3
    pool = CandidatePool()
    for scene in ContentDetector().detect(watched()):
        found = pool.choose(scene)
        assert found
        assert all(scene.start_us <= at * SECOND_US < scene.end_us for at in seconds(found))


def test_few_frames_are_held_even_while_nothing_is_settled() -> None:
    strobe = np.concatenate(
        [np.concatenate([shot(view(1), 1)[:2], shot(view(2), 1)[:2]]) for _ in range(100)]
    )
    pool = CandidatePool()
    most = 0
    for _ in pool.watch(film(strobe)):
        most = max(most, pool.held)
    assert 2 <= most <= HELD_FRAMES


def test_the_parts_of_the_quality_lie_between_nothing_and_one() -> None:
    films = (
        film(shot(view(1), 2, pan=0.5)),
        film(blank(255, 50)),
        film(shot(view(2, level=10, contrast=5), 2)),
    )
    for frames in films:
        for choice in chosen(frames, 2)[0]:
            quality = choice.quality
            parts = (quality.sharpness, quality.exposure, quality.contrast, quality.steadiness)
            assert all(0 <= part <= 1 for part in (*parts, quality.quality_score))


def enlarged(picture: Picture, side: int) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((side * 16 // 9, side), Image.Resampling.BICUBIC))


def test_a_sharp_photo_is_better_than_the_same_one_out_of_focus_too_dark_or_burnt() -> None:
    sharp = view(7)
    soft = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(4)))
    dark = (sharp * 0.15).astype(np.uint8)
    burnt = np.clip(sharp * 3.0, 0, 255).astype(np.uint8)
    best = photo_quality(sharp)
    assert photo_quality(soft).sharpness < best.sharpness
    assert photo_quality(dark).exposure < best.exposure
    assert photo_quality(burnt).exposure < best.exposure
    assert all(photo_quality(worse).quality_score < best.quality_score for worse in (soft, dark, burnt))


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3, 2), (5000, 40)])
def test_photos_of_any_shape_are_judged(size: tuple[int, int]) -> None:
    quality = photo_quality(np.full((*size, 3), 128, np.uint8))
    assert quality.blank
    assert quality.steadiness == 1


def test_a_photo_is_judged_much_alike_at_any_size() -> None:
    small, large = photo_quality(enlarged(view(8), 400)), photo_quality(enlarged(view(8), 1200))
    assert small.exposure == pytest.approx(large.exposure, abs=0.05)
    assert small.contrast == pytest.approx(large.contrast, abs=0.05)
