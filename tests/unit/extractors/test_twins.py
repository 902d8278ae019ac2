"""Pictures in which nothing differs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from heimdex.entities import Picture
from heimdex.extractors.twins import cells, is_twin


def slide(clock: str, height: int = 720, noise: float = 0.0) -> Picture:
    image = Image.new("RGB", (height * 16 // 9, height), (90, 100, 120))
    ImageDraw.Draw(image).text(
        (height // 10, height // 10), clock, font=ImageFont.load_default(height // 36), fill=(230, 230, 230)
    )
    noisy = np.asarray(image, float) + np.random.default_rng(3).normal(0, noise, (height, 1, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def test_the_same_picture_is_a_twin_in_spite_of_noise() -> None:
    assert is_twin(cells(slide("12:44")), cells(slide("12:44", noise=3)))


@pytest.mark.parametrize("height", [240, 720, 1080, 2160])
def test_a_digit_that_changes_is_seen(height: int) -> None:
    assert not is_twin(cells(slide("12:44", height)), cells(slide("12:45", height)))


def test_a_picture_of_another_size_or_none_at_all_is_no_twin() -> None:
    assert not is_twin(cells(slide("12:44")), cells(slide("12:44", 1080)))
    assert not is_twin(None, cells(slide("12:44")))


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (500, 3, 3)])
def test_the_smallest_pictures_have_cells(shape: tuple[int, int, int]) -> None:
    assert cells(np.full(shape, 7, np.uint8)).max() == 7
