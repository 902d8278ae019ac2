"""Preparing pictures, value for value as the references do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torchvision
from PIL import Image, ImageOps
from torchvision.transforms import InterpolationMode

from heimdex.inference.transforms import Filter, Resize, fit, normalise
from heimdex.media.photo import read_photo
from tests.parity.pictures import PICTURES, MadePicture, scene

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
NEAR = 1e-5  # of a normalised value: the order in which the numbers are rounded


def open_clip_s(mode: str, size: int) -> Any:
    return open_clip.image_transform(size, is_train=False, resize_mode=mode, mean=MEAN, std=STD)


def resnet_s() -> Any:
    steps = torchvision.transforms
    return steps.Compose(
        [
            steps.Resize(256, interpolation=InterpolationMode.BILINEAR),
            steps.CenterCrop(224),
            steps.Lambda(lambda image: image.convert("RGB")),
            steps.ToTensor(),
            steps.Normalize(MEAN, STD),
        ]
    )


CASES: dict[str, tuple[Any, int, Resize, Filter]] = {
    "clip": (open_clip_s("shortest", 224), 224, "crop", "bicubic"),
    "siglip": (open_clip_s("squash", 384), 384, "squash", "bicubic"),
    "resnet": (resnet_s(), 224, "centre", "bilinear"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_prepared_as_by_the_reference(picture: MadePicture, case: str) -> None:
    transform, size, rule, method = CASES[case]
    found = normalise(fit(np.asarray(picture.image), size, rule, method)[np.newaxis], MEAN, STD)[0]
    assert np.abs(found - transform(picture.image).numpy()).max() <= NEAR


def test_a_sliver_is_prepared_in_part_and_nearly_the_same() -> None:
    """Only what is left of it is resized: the reference would need 400 times the memory."""
    image = Image.fromarray(scene(400, 1, 3))
    found = fit(np.asarray(image), 224, "crop").astype(int)
    wanted = np.asarray(image.resize((224 * 400, 224), Image.Resampling.BICUBIC))
    left = round((224 * 400 - 224) / 2)
    assert np.abs(found - wanted[:, left : left + 224]).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_that_was_turned_is_upright_first(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene(300, 200, 4)).save(path, exif=exif)
    read = read_photo(str(path).encode(), max_pixels=10**6, short_side=0)
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened)
        wanted = open_clip_s("shortest", 224)(upright).numpy()
    assert np.abs(normalise(fit(read, 224, "crop")[np.newaxis], MEAN, STD)[0] - wanted).max() <= NEAR
