"""What people see: upright, square, in the right colours, without combs, HDR made sane."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from heimdex.entities import Picture
from heimdex.media.render import Orientation, Shrinker, display_size, render
from heimdex.media.sizes import fitted
from heimdex.media.tonemap import BT2020_TO_BT709, to_sdr
from heimdex.media.video import frames
from tests.media.clips import Clip
from tests.media.counter import read_number
from tests.unit.media.conftest import Made, facts_of

Maker = Callable[[Clip], Made]
SWATCHES = ((200, 40, 40), (40, 180, 60), (50, 60, 210), (128, 128, 128), (235, 235, 235), (20, 20, 20))


def first_picture(clip: Made, short_side: int = 0) -> Picture:
    return next(frames(clip.path, clip.facts)).render(short_side)


def swatches(width: int = 320, height: int = 180) -> Picture:
    picture = np.zeros((height, width, 3), np.uint8)
    for number, colour in enumerate(SWATCHES):
        picture[:, width * number // 6 : width * (number + 1) // 6] = colour
    return picture


def read_swatches(picture: Picture) -> NDArray[np.float64]:
    height, width = picture.shape[:2]
    return np.array([picture[height // 2, int(width * (n + 0.5) / 6)] for n in range(6)], np.float64)


@pytest.mark.parametrize(("ccw", "clockwise"), [(0, 0), (90, 270), (-90, 90), (180, 180)])
def test_a_turned_film_stands_upright(made: Maker, ccw: int, clockwise: int) -> None:
    clip = made(Clip(rotation=ccw, ending="mov", count=3))
    picture = first_picture(clip)
    assert clip.facts.rotation == clockwise
    assert picture.shape[:2] == (clip.facts.height, clip.facts.width)
    stored = np.rot90(picture, clockwise // 90)  # back to how it lies in the file
    assert stored.shape[:2] == (180, 320)
    assert read_number(stored) == 0
    assert stored[170, 300, 0] > 100  # red below, the dark bar above
    assert stored[10, 10].max() < 60


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("ccw", [0, 90, 180, -90])
def test_pixels_go_where_the_display_matrix_sends_them(made: Maker, ccw: int, mirrored: bool) -> None:
    """Against the definition itself: a stored point p = (x, y) is shown at p · M."""
    paint = swatches()
    paint[:60, :80] = (250, 250, 0)  # marks the top left corner
    turned = Clip(rotation=ccw, mirrored=mirrored, ending="mov", count=2)
    clip = made(replace(turned, paint=lambda _n: paint, paint_name="mark"))
    with av.open(os.fsdecode(clip.path)) as container:
        frame = next(container.decode(video=0))
        data = next((d for d in frame.side_data if "MATRIX" in str(d.type)), None)  # type: ignore[attr-defined]
    matrix = np.frombuffer(bytes(data), np.int32)[[0, 1, 3, 4]] if data is not None else [1, 0, 0, 1]  # type: ignore[arg-type]
    a, b, c, d = np.sign(matrix)
    x, y = -120, -60  # the marked corner, from the centre
    shown_x, shown_y = a * x + c * y, b * x + d * y
    picture = first_picture(clip)
    height, width = picture.shape[:2]
    pixel = picture[int(height / 2 + shown_y), int(width / 2 + shown_x)].astype(int)
    assert np.abs(pixel - (250, 250, 0)).max() < 25


def test_an_orientation_turns_clockwise_after_mirroring() -> None:
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    turned = Orientation(quarter_turns=1, mirrored=True).turned(picture)
    assert turned.shape == (3, 2, 3)
    assert (turned[0, 1] == picture[0, 2]).all()


@pytest.mark.parametrize(
    ("aspect", "size"),
    [(Fraction(2), (640, 180)), (Fraction(1, 2), (160, 180)), (Fraction(64, 45), (455, 180))],
)
def test_samples_that_are_not_square_are_made_so(
    made: Maker, aspect: Fraction, size: tuple[int, int]
) -> None:
    clip = made(Clip(aspect=aspect, count=3))
    assert (clip.facts.width, clip.facts.height) == size
    picture = first_picture(clip)
    assert picture.shape[:2] == (size[1], size[0])
    assert read_number(picture) == 0


def test_a_nonsensical_aspect_is_left_aside() -> None:
    assert display_size(320, 180, Fraction(1000, 1)) == (320, 180)
    assert display_size(320, 180, None) == (320, 180)


@pytest.mark.parametrize("short_side", [0, 90, 64, 1000])
def test_the_short_side_is_never_exceeded_and_nothing_is_enlarged(made: Maker, short_side: int) -> None:
    picture = first_picture(made(Clip(rotation=90, ending="mov", count=3)), short_side)
    assert min(picture.shape[:2]) == (180 if short_side in (0, 1000) else short_side)
    assert picture.shape[0] / picture.shape[1] == pytest.approx(320 / 180, rel=0.02)
    assert picture.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(("size", "short", "result"), [((1, 1), 512, (1, 1)), ((8192, 16), 8, (4096, 8))])
def test_odd_sizes_fit(size: tuple[int, int], short: int, result: tuple[int, int]) -> None:
    assert fitted(size, short) == result


@pytest.mark.parametrize(
    "clip",
    [
        Clip(codec="ffv1", ending="mkv", width=1, height=1, count=2),
        Clip(codec="ffv1", ending="mkv", width=175, height=143, count=2),
        Clip(width=8192, height=16, count=2),
    ],
    ids=["1x1", "175x143", "8192x16"],
)
def test_films_of_odd_sizes_are_shown_whole(made: Maker, clip: Clip) -> None:
    film = made(clip)
    assert first_picture(film).shape == (clip.height, clip.width, 3)
    assert (film.facts.width, film.facts.height) == (clip.width, clip.height)


@pytest.mark.parametrize(
    "clip",
    [
        Clip(count=2, colour=(1, 1, 1)),
        Clip(count=2, colour=(6, 6, 6)),
        Clip(count=2),
        Clip(count=2, width=1280, height=720),
        Clip(count=2, codec="mjpeg", ending="mov", pixels="yuvj420p"),
        Clip(count=2, codec="libx264rgb", pixels="rgb24", ending="mkv"),
        Clip(count=2, codec="prores_ks", pixels="yuv422p10le", ending="mov"),
        Clip(count=2, codec="gif", pixels="rgb8", ending="gif"),
    ],
    ids=["BT.709", "BT.601", "untagged SD", "untagged HD", "full range", "RGB", "10 bits", "palette"],
)
def test_colours_come_back_as_they_were_filmed(made: Maker, clip: Clip) -> None:
    painted = replace(clip, paint=lambda _n: swatches(clip.width, clip.height), paint_name="swatches")
    shown = read_swatches(first_picture(made(painted)))
    tolerance = 48 if clip.pixels == "rgb8" else 6  # blue has 2 bits there
    assert np.abs(shown - np.array(SWATCHES)).max() <= tolerance


def comb(picture: Picture) -> float:
    """How much neighbouring lines differ, against lines two apart: near 1 for a whole, above for a comb."""
    grey = picture.mean(axis=2)
    return float(np.abs(np.diff(grey, axis=0)).mean() / (np.abs(grey[2:] - grey[:-2]).mean() + 0.1))


def moving_bars(number: int) -> Picture:
    """Two moments in one picture: the bar is 24 px further in every second line."""
    picture = np.full((288, 352, 3), 40, np.uint8)
    for field in (0, 1):
        left = 40 + 24 * field + 8 * number
        picture[field::2, left : left + 60] = 220
    return picture


@pytest.mark.parametrize(
    "clip",
    [
        Clip(options=(("x264-params", "interlaced=1:tff=1"),), ending="mkv", count=3),
        Clip(codec="mpeg2video", options=(("flags", "+ilme+ildct"),), ending="mpg", count=3),
    ],
    ids=["H.264", "MPEG-2"],
)
@pytest.mark.parametrize("short_side", [0, 200, 120])
def test_interlaced_films_show_one_moment_without_combs(made: Maker, clip: Clip, short_side: int) -> None:
    film = made(replace(clip, width=352, height=288, paint=moving_bars, paint_name="bars"))
    assert film.facts.interlaced
    assert comb(moving_bars(0)) > 5
    picture = first_picture(film, short_side)
    assert comb(picture) < 1.5
    bright = (picture[picture.shape[0] // 2].mean(axis=1) > 130).sum() / picture.shape[1]
    assert bright == pytest.approx(60 / 352, abs=0.03)  # one bar, not two half ones


def pq_signal(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light against diffuse white (203 cd/m²) as a PQ signal (BT.2100, table 4, the inverse EOTF)."""
    power = (light * 203 / 10_000) ** (2610 / 16_384)
    return np.asarray(((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32))


def hlg_signal(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light on a display of 1,000 cd/m² as an HLG signal (BT.2100, table 5: inverse OOTF, then OETF)."""
    shown = np.maximum(light * 203 / 1000, 1e-9)
    luma = shown @ np.array([0.2627, 0.6780, 0.0593])
    scene = shown * (luma ** (1 / 1.2 - 1))[..., None]
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), high))


SIGNALS = {"pq": (pq_signal, 16), "hlg": (hlg_signal, 18)}


def hdr_signal(picture: Picture, transfer: str, gain: float = 1.0) -> NDArray[np.uint16]:
    """An SDR picture as an HDR programme would carry it."""
    value = picture / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    wide = np.maximum(light @ np.linalg.inv(BT2020_TO_BT709.astype(np.float64)).T, 0) * gain
    signal = np.clip(SIGNALS[transfer][0](wide), 0, 1) * 65_535
    return np.asarray(np.rint(signal), dtype=np.uint16)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_an_hdr_film_of_ordinary_light_looks_like_its_sdr_twin(tmp_path: Path, transfer: str) -> None:
    path = tmp_path / f"{transfer}.mkv"
    write_hdr(path, hdr_signal(swatches(), transfer), SIGNALS[transfer][1])
    facts = facts_of(os.fsencode(path))
    assert facts.transfer == transfer
    shown = read_swatches(next(frames(os.fsencode(path), facts)).render(0))
    colours, white = shown[:4], shown[4]
    assert np.abs(colours - np.array(SWATCHES[:4])).max() <= 12
    assert 205 <= white.min() <= white.max() <= 240  # rolled off a little: room for what is brighter


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_brighter_light_stays_brighter_and_keeps_its_hue(transfer: str) -> None:
    ramp = np.zeros((1, 64, 3), np.uint8)
    ramp[0, :, 0], ramp[0, :, 1] = np.linspace(20, 255, 64), np.linspace(10, 128, 64)
    shown = to_sdr(hdr_signal(ramp, transfer, gain=4.0), transfer).astype(int)
    assert (np.diff(shown[0, :, 0]) >= 0).all()
    assert (shown[0, 8:, 0] > shown[0, 8:, 1]).all()  # orange does not become yellow or white
    assert shown[0, -1, 1] < 250


def write_hdr(path: Path, signal: NDArray[np.uint16], transfer: int) -> None:
    with av.open(str(path), "w") as container:
        options = {"x265-params": "log-level=none", "crf": "8"}
        stream = container.add_stream("libx265", rate=25, options=options)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = signal.shape[1], signal.shape[0], "yuv420p10le"
        context.color_primaries, context.color_trc = 9, transfer
        context.colorspace, context.color_range = 9, 1
        for number in range(2):
            frame = VideoFrame.from_ndarray(signal, "rgb48le").reformat(
                format="yuv420p10le", dst_colorspace="BT2020", src_color_range=2, dst_color_range=1
            )
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.colorspace, frame.color_range = 9, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_nonsense_colour_tags_do_not_stop_a_film() -> None:
    """Found by flipping bytes of an MPEG-2 header: swscale refuses a matrix it never heard of."""
    frame = VideoFrame.from_ndarray(swatches(), "rgb24").reformat(format="yuv420p", dst_colorspace="ITU601")
    frame.colorspace = 65
    assert np.abs(read_swatches(render(frame, None, 0)) - np.array(SWATCHES)).max() <= 6
    frame.colorspace = 65
    assert Shrinker().small(frame).shape == (36, 64, 3)
