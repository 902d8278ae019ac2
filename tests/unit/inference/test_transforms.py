from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from heimdex.errors import ModelError
from heimdex.inference.transforms import VIEWS, Resize, as_rgb, fit, normalise, read_rgb

RULES: tuple[Resize, ...] = ("crop", "centre", "squash", "ends")
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)


def stripes(width: int, height: int, *colours: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Upright stripes of one width each."""
    picture = np.zeros((height, width, 3), np.uint8)
    for index, colour in enumerate(colours):
        picture[:, index * width // len(colours) : (index + 1) * width // len(colours)] = colour
    return picture


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 900), (900, 1), (7, 3), (224, 224), (512, 910)])
def test_a_picture_of_any_shape_becomes_the_model_s_squares(rule: Resize, height: int, width: int) -> None:
    picture = np.full((height, width, 3), (10, 120, 240), np.uint8)
    found = fit(picture, 32, rule)
    assert found.shape == (32 * VIEWS[rule], 32, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - (10, 120, 240)).max() <= 1


def test_grey_and_transparent_pictures_become_rgb() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(as_rgb(grey), np.dstack([grey] * 3))
    assert np.array_equal(as_rgb(grey[:, :, np.newaxis]), np.dstack([grey] * 3))
    clear = np.dstack([grey, grey + 1, grey + 2, np.zeros_like(grey)])
    assert np.array_equal(as_rgb(clear), clear[:, :, :3])


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros(4),
    ],
    ids=["empty", "float", "two channels", "a line"],
)
def test_what_is_no_picture_is_refused(picture: NDArray[Any]) -> None:
    with pytest.raises(ModelError, match="picture"):
        fit(picture, 32, "centre")


def test_centre_sees_the_middle_only() -> None:
    found = fit(stripes(600, 100, RED, RED, BLUE, BLUE, GREEN, GREEN), 32, "centre")
    assert np.array_equal(found, np.broadcast_to(np.array(BLUE, np.uint8), found.shape))


def test_squash_sees_everything_in_one() -> None:
    found = fit(stripes(300, 100, RED, BLUE, GREEN), 33, "squash")
    assert [tuple(found[16, x]) for x in (5, 16, 27)] == [RED, BLUE, GREEN]


def test_ends_sees_either_end_of_a_wide_picture_without_squeezing() -> None:
    found = fit(stripes(320, 180, RED, BLUE), 36, "ends")
    first, last = found[:36], found[36:]
    assert tuple(first[18, 1]) == RED
    assert tuple(last[18, -2]) == BLUE
    border = int(np.argmax(first[18, :, 2] > 127))  # 160 of 180 px
    assert border == pytest.approx(32, abs=1)


def test_ends_leaves_nothing_of_a_panorama_out() -> None:
    found = fit(stripes(1000, 100, RED, GREEN, GREEN, BLUE), 40, "ends")
    assert tuple(found[20, 2]) == RED
    assert tuple(found[20, -2]) == tuple(found[60, 2]) == GREEN
    assert tuple(found[60, -2]) == BLUE


def test_ends_sees_top_and_bottom_of_a_tall_picture() -> None:
    found = fit(stripes(320, 180, RED, BLUE).transpose(1, 0, 2), 36, "ends")
    assert tuple(found[1, 18]) == RED
    assert tuple(found[-2, 18]) == BLUE


def test_normalise_is_value_less_mean_by_deviation_in_planes() -> None:
    pictures = np.zeros((2, 4, 5, 3), np.uint8)
    pictures[1] = (0, 127, 255)
    found = normalise(pictures, (0.5, 0.5, 0.25), (0.5, 0.25, 0.5))
    assert found.shape == (2, 3, 4, 5)
    assert found.dtype == np.float32
    assert found[1, :, 2, 3] == pytest.approx([-1.0, (127 / 255 - 0.5) / 0.25, 1.5], abs=1e-6)


def test_crop_makes_the_shorter_side_fit_and_cuts_the_middle_out() -> None:
    found = fit(stripes(128, 64, RED, BLUE, BLUE, GREEN), 32, "crop")
    inner = found[:, 2:-2]  # the neighbours shine in at its edges
    assert np.array_equal(inner, np.broadcast_to(np.array(BLUE, np.uint8), inner.shape))
    found = fit(stripes(128, 64, RED, BLUE), 32, "crop")
    assert tuple(found[16, 3]) == RED
    assert tuple(found[16, 28]) == BLUE


def test_corners_and_sizes_are_rounded_as_torchvision_rounds_them() -> None:
    """517 × 224 / 333 = 347.8 → 347; (347 − 224) / 2 = 61.5 → 62, the even one."""
    picture = np.zeros((333, 517, 3), np.uint8)
    picture[:] = np.linspace(0, 255, 517).astype(np.uint8)[:, np.newaxis]
    image = Image.fromarray(picture).resize((347, 224), Image.Resampling.BICUBIC)
    assert np.array_equal(fit(picture, 224, "crop"), np.asarray(image)[:, 62 : 62 + 224])


def test_colours_under_alpha_weigh_as_much_as_they_show() -> None:
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[:, :32] = (*RED, 255)
    picture[:, 32:] = (*BLUE, 0)
    found = fit(picture, 31, "crop")
    assert found.shape == (31, 31, 3)
    assert found[:, :, 2].max() == 0  # what cannot be seen is not mixed in


def test_a_bilinear_picture_differs_from_a_bicubic_one() -> None:
    picture = stripes(97, 61, RED, BLUE, GREEN)
    bilinear, bicubic = fit(picture, 32, "centre", "bilinear"), fit(picture, 32, "centre")
    assert not np.array_equal(bilinear, bicubic)


def test_a_file_of_our_own_is_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stripes(60, 30, RED, BLUE)).save(tmp_path / "turned.png", exif=exif)
    found = read_rgb(tmp_path / "turned.png")
    assert found.shape == (60, 30, 3)
    assert tuple(found[5, 15]) == RED
