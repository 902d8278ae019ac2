"""What is a boundary and what is none, on made films and on a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import heimdex
from heimdex.entities import Scene
from heimdex.media.probe import probe
from heimdex.media.recognise import recognise
from heimdex.media.video import frames
from heimdex.scenes.content import ContentDetector
from tests.golden.cuts_film import (
    BLACK,
    RATE,
    WHITE,
    blank,
    boundaries,
    dissolved,
    faded,
    film,
    lit,
    scenes,
    shot,
    timed,
    view,
)

SAMPLES = Path(heimdex.__file__).parent / "samples"
REAL = Path(__file__).parents[3] / "shared" / "data"


def test_cuts_between_still_shots_are_exact_to_the_frame() -> None:
    lengths = [2.0, 1.28, 3.4, 0.8, 2.0]
    film_ = film(*(shot(view(seed), seconds) for seed, seconds in enumerate(lengths)))
    assert boundaries(film_) == [50, 82, 167, 187]


@pytest.mark.parametrize("rate", [10, 24, 25, 30, 60, 120])
def test_cuts_are_found_at_every_frame_rate(rate: float) -> None:
    film_ = film(*(shot(view(seed), 2, pan=0.1, rate=rate) for seed in range(3)), rate=rate)
    assert boundaries(film_, rate) == [2 * rate, 4 * rate]


def test_cuts_between_moving_shots_are_exact_to_the_frame() -> None:
    film_ = film(
        shot(view(1), 2, pan=0.3), shot(view(2), 2, zoom=0.2), shot(view(3), 2, tilt=-0.2), shot(view(4), 2)
    )
    assert boundaries(film_) == [50, 100, 150]


def test_cuts_between_dark_shots_are_found() -> None:
    dark = [shot(view(seed, level=14, contrast=6), 2) for seed in (1, 2, 3)]
    assert boundaries(film(*dark, noise=0.5)) == [50, 100]


def test_cuts_in_a_grey_film_are_found() -> None:
    grey = [shot(view(seed, grey=True), 2, pan=0.05) for seed in (1, 2, 3)]
    assert boundaries(film(*grey)) == [50, 100]


def test_cuts_between_plain_colours_are_found() -> None:
    colours = [(200, 30, 30), (30, 130, 30), (40, 40, 220)]
    plain = [np.tile(np.array(colour, np.uint8), (50, 36, 64, 1)) for colour in colours]
    assert boundaries(film(*plain)) == [50, 100]


def test_cuts_between_white_pages_with_a_little_writing_are_found() -> None:
    pages = [blank(250, 50) for _ in range(3)]
    pages[0][:, 4:6, 4:60] = pages[0][:, 12:13, 8:30] = pages[0][:, 16:17, 8:44] = 90
    pages[1][:, 8:30, 40:43] = pages[1][:, 20:22, 4:20] = pages[1][:, 32:34, 10:60] = 90
    pages[2][:, 3:5, 20:40] = pages[2][:, 9:24:3, 6:34] = 90
    assert boundaries(film(*pages)) == [50, 100]
    between = film(shot(view(1), 2), *pages, shot(view(2), 2))
    assert boundaries(between) == [50, 100, 150, 200]


def test_cuts_between_pictures_in_black_bars_are_found() -> None:
    upright = [shot(view(seed), 2) for seed in (1, 2, 3)]
    for part in upright:
        part[:, :, :21] = part[:, :, 43:] = 0
    assert boundaries(film(*upright)) == [50, 100]


@pytest.mark.parametrize("level", [BLACK, WHITE])
@pytest.mark.parametrize(("slope", "held"), [(4, 0), (8, 2), (12, 0), (12, 25), (25, 12), (40, 5)])
def test_a_fade_through_a_blank_is_one_boundary_in_its_middle(level: int, slope: int, held: int) -> None:
    film_ = film(
        faded(shot(view(1), 4), level, out=slope),
        blank(level, held),
        faded(shot(view(2), 4), level, into=slope),
    )
    (found,) = boundaries(film_)
    assert abs(found - (100 + held / 2)) <= 2 + slope / 10


def test_a_fade_with_a_caption_that_stays_is_one_boundary() -> None:
    frames_ = np.concatenate(
        [faded(shot(view(1), 4), BLACK, out=12), blank(BLACK, 25), faded(shot(view(2), 4), BLACK, into=12)]
    )
    frames_[:, 32:34, 8:40] = 60
    assert boundaries(film(frames_)) == [112]


def test_a_fade_through_black_to_a_title_card_is_one_boundary() -> None:
    card = blank(20, 100)
    card[:, 14:17, 12:52] = card[:, 20:22, 20:44] = 230
    film_ = film(faded(shot(view(1), 4), BLACK, out=12), blank(BLACK, 4), faded(card, BLACK, into=12))
    (found,) = boundaries(film_)
    assert 98 <= found <= 110


def test_where_the_picture_cuts_to_black_the_boundary_is_the_cut() -> None:
    film_ = film(shot(view(1), 4), blank(BLACK, 25), faded(shot(view(2), 4), BLACK, into=12))
    assert boundaries(film_) == [100]


def test_where_the_picture_cuts_in_from_black_the_boundary_is_the_cut() -> None:
    film_ = film(faded(shot(view(1), 4), BLACK, out=12), blank(BLACK, 25), shot(view(2), 4))
    assert boundaries(film_) == [125]


def test_black_between_two_hard_cuts_is_a_scene_where_it_is_long_enough() -> None:
    long = film(shot(view(1), 4), blank(BLACK, 25), shot(view(2), 4))
    short = film(shot(view(1), 4), blank(BLACK, 4), shot(view(2), 4))
    assert boundaries(long) == [100, 125]
    assert boundaries(short) == [100]


def test_a_film_that_opens_and_closes_in_black_is_one_scene() -> None:
    body = faded(faded(shot(view(1), 4), BLACK, into=15), BLACK, out=15)
    assert boundaries(film(blank(BLACK, 20), body, blank(BLACK, 20))) == []


def test_minutes_of_black_after_a_fade_do_not_hold_the_boundary_back() -> None:
    film_ = film(faded(shot(view(1), 4), BLACK, out=12), blank(BLACK, 60 * RATE))
    seen = 0

    def counted() -> object:
        nonlocal seen
        for frame in film_:
            seen += 1
            yield frame

    first = next(ContentDetector().detect(counted()))  # type: ignore[arg-type]
    assert first.end_us == pytest.approx(6_000_000, abs=200_000)
    assert seen < 12 * RATE


@pytest.mark.parametrize("frames_", [7, 15, 30, 45])
def test_a_dissolve_is_one_boundary_inside_it(frames_: int) -> None:
    film_ = film(dissolved(shot(view(1), 4), shot(view(2), 4), frames_))
    (found,) = boundaries(film_)
    assert 100 - frames_ <= found <= 100


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("strength", [(1.8, 40.0), (3.0, 120.0), (1.0, 255.0)])
def test_a_flash_is_no_boundary(length: int, strength: tuple[float, float]) -> None:
    take = shot(view(5), 4, pan=0.05)
    gain, lift = np.ones(100), np.zeros(100)
    gain[40 : 40 + length], lift[40 : 40 + length] = strength
    assert boundaries(film(lit(take, gain, lift))) == []


def test_an_explosion_that_dies_down_is_no_boundary() -> None:
    glare = np.where(np.arange(150) < 60, 0, np.exp(-(np.arange(150) - 60) / 6.0))
    assert boundaries(film(lit(shot(view(6), 6), 1 - 0.8 * glare, 255 * glare))) == []


def test_flicker_and_strobe_are_no_boundaries() -> None:
    flicker = 1 + 0.25 * np.sin(np.arange(100) * 2.1)
    strobe = np.where((np.arange(100) > 40) & (np.arange(100) < 70) & (np.arange(100) // 3 % 2 == 0), 0.05, 1)
    take = shot(view(7), 4)
    assert boundaries(film(lit(take, flicker, np.zeros(100)))) == []
    assert boundaries(film(lit(take, strobe, np.zeros(100)))) == []


def test_a_cut_among_flashes_is_still_found() -> None:
    strobe = np.where(np.arange(200) // 2 % 2 == 0, 0.4, 1.2)
    take = np.concatenate([shot(view(1), 4), shot(view(2), 4)])
    assert boundaries(film(lit(take, strobe, np.zeros(200)))) == [100]


@pytest.mark.parametrize(
    "move",
    [{"pan": 0.5}, {"pan": -1.0}, {"tilt": 0.4}, {"zoom": 0.6}, {"zoom": -0.6}, {"pan": 0.2, "zoom": 0.3}],
)
def test_a_moving_camera_makes_no_boundary(move: dict[str, float]) -> None:
    assert boundaries(film(shot(view(8), 1.0, **move))) == []


def test_a_shaking_camera_makes_no_boundary() -> None:
    rng = np.random.default_rng(3)
    take = shot(view(9), 4)
    shaken = np.stack([np.roll(f, tuple(rng.integers(-2, 3, 2)), (0, 1)) for f in take])
    assert boundaries(film(shaken)) == []


def test_an_object_passing_close_by_makes_no_boundary() -> None:
    take, other = shot(view(10), 4), shot(view(11), 4)
    for step in range(16):
        low, high = max(0, 5 * step - 35), min(64, 5 * step)
        take[40 + step, :, low:high] = other[0, :, low:high]
    assert boundaries(film(take)) == []


def test_what_covers_the_lens_for_less_than_the_shortest_scene_is_no_boundary() -> None:
    take, hand = shot(view(14), 4), shot(view(15), 4)
    take[50:60] = hand[50:60]
    assert boundaries(film(take)) == []


def test_writing_and_insets_that_pop_in_make_no_boundary() -> None:
    take, other = shot(view(12), 4), shot(view(13), 4)
    take[50:, 26:33, 4:60] = 30
    take[70:, 2:16, 36:62] = other[70:, 2:16, 36:62]
    assert boundaries(film(take)) == []


def test_a_shot_shorter_than_the_least_length_joins_its_neighbour() -> None:
    film_ = film(shot(view(1), 4), shot(view(2), 0.4), shot(view(3), 4))
    assert boundaries(film_) == [100]


def test_a_film_of_varying_frame_rate_is_cut_at_the_frames_own_times() -> None:
    rng = np.random.default_rng(8)
    smalls = np.concatenate([shot(view(seed), 3, pan=0.05) for seed in (1, 2, 3)])
    times = np.concatenate([[0], np.cumsum(rng.choice([20_000, 33_333, 40_000, 120_000], len(smalls)))])
    times = 1_234_567 + times
    found = scenes(timed(smalls, times.tolist()))
    assert [scene.start_us for scene in found] == [times[0], times[75], times[150]]
    assert found[-1].end_us == times[-1]


def test_pictures_that_stand_for_seconds_are_scenes_of_their_own() -> None:
    smalls = np.concatenate([shot(view(seed), 1 / 25) for seed in range(5)])
    found = scenes(timed(smalls, [0, 4_000_000, 7_000_000, 12_000_000, 19_000_000, 20_000_000]))
    assert [scene.start_us for scene in found] == [0, 4_000_000, 7_000_000, 12_000_000, 19_000_000]


@pytest.mark.skipif(not REAL.is_dir(), reason="needs shared/data beside the repository")
def test_a_real_film_has_the_boundaries_seen_by_eye() -> None:
    """30 cuts in from black, 180 cuts to black (the next picture fades in until 230).

    340 to 420 is a fade through black, 530 to 562 a dissolve; the film ends in a fade-out.
    """
    found = real_boundaries("testvideo.mp4", 30 / 1.001)
    assert len(found) == 4
    assert found[:2] == [30, 180]
    assert 340 <= found[2] <= 420
    assert 530 <= found[3] <= 562


@pytest.mark.skipif(not REAL.is_dir(), reason="needs shared/data beside the repository")
@pytest.mark.parametrize(
    ("name", "rate", "seen"),
    [
        ("counter.mp4", 10, [10, 20]),  # plain colours with a number
        ("issue-134-rotate.mp4", 24 / 1.001, [90, 210]),  # dark computer screens, then a face
        ("delayed_start.mp4", 25, []),
    ],
)
def test_real_clips_are_cut_where_it_is_seen_by_eye(name: str, rate: float, seen: list[int]) -> None:
    assert real_boundaries(name, rate) == seen


TRUTH = json.loads((SAMPLES / "truth.json").read_text(encoding="utf-8"))
SAMPLE_FILMS = [asset for asset in TRUTH["assets"] if asset["kind"] == "video"]


@pytest.mark.parametrize("film_", SAMPLE_FILMS, ids=lambda asset: asset["path"])
def test_the_sample_films_are_divided_as_their_truth_file_says(film_: dict[str, Any]) -> None:
    found = [scene.start_us for scene in read_scenes(SAMPLES / film_["path"])]
    assert len(found) == len(film_["scenes"])
    for start_us, scene in zip(found, film_["scenes"], strict=True):
        if scene["enter"] == "fade":
            assert any(fade["start_us"] <= start_us <= fade["end_us"] for fade in film_["fades"])
        else:
            assert start_us == scene["start_us"]


def real_boundaries(name: str, rate: float) -> list[int]:
    first, *rest = read_scenes(REAL / name)
    return [round((scene.start_us - first.start_us) * rate / 1e6) for scene in rest]


def read_scenes(file: Path) -> list[Scene]:
    path = bytes(file)
    recognised = recognise(path)
    assert recognised is not None
    facts = probe(path, recognised, max_pixels=50_000_000)
    return list(ContentDetector().detect(frames(path, facts)))
