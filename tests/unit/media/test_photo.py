"""Photos stand upright, in sRGB, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from heimdex.entities import Facts, Kind, Picture
from heimdex.errors import DamagedFile, OversizedPicture, UnknownFormat
from heimdex.media.photo import read_photo
from tests.media.bases import PHOTO_KINDS, photo
from tests.media.counter import counter_picture, read_number
from tests.unit.media.conftest import facts_of

MAX_PIXELS = 100_000_000
CORNERS = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
)  # by lines


def quarters() -> Image.Image:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:20, :30], picture[:20, 30:], picture[20:, :30], picture[20:, 30:] = CORNERS
    return Image.fromarray(picture)


def written(folder: Path, image: Image.Image, name: str, **options: object) -> bytes:
    path = folder / name
    image.save(path, **options)  # type: ignore[arg-type]
    return os.fsencode(path)


def read(path: bytes, short_side: int = 0) -> Picture:
    return read_photo(path, max_pixels=MAX_PIXELS, short_side=short_side)


def corners(picture: Picture) -> list[tuple[int, ...]]:
    """The four corner colours, rounded to full or nothing."""
    height, width = picture.shape[:2]
    points = ((3, 3), (3, width - 4), (height - 4, 3), (height - 4, width - 4))
    return [tuple(int(value > 127) * 255 for value in picture[point]) for point in points]


@pytest.mark.parametrize("kind", PHOTO_KINDS)
def test_every_format_is_read_and_described(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photo.bin"  # content decides, not the name
    path.write_bytes(photo(kind))
    facts = facts_of(os.fsencode(path))
    assert (facts.kind, facts.container, facts.width, facts.height) == (Kind.PHOTO, kind, 320, 200)
    assert facts.duration_us == 0
    picture = read(os.fsencode(path))
    assert picture.shape == (200, 320, 3)
    assert picture.dtype == np.uint8
    assert read_number(picture) == 1234


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp", "photo.tif"])
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int, name: str) -> None:
    undo = {
        1: [], 2: ["FLIP_LEFT_RIGHT"], 3: ["ROTATE_180"], 4: ["FLIP_TOP_BOTTOM"], 5: ["TRANSPOSE"],
        6: ["ROTATE_90"], 7: ["TRANSVERSE"], 8: ["ROTATE_270"],
    }  # fmt: skip
    stored = quarters()
    for step in undo[orientation]:  # what a camera held that way would have stored
        stored = stored.transpose(Image.Transpose[step])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = written(tmp_path, stored, name, exif=exif)
    assert corners(read(path)) == list(CORNERS)
    assert read(path, short_side=20).shape == (20, 30, 3)
    facts = facts_of(path)
    assert (facts.width, facts.height) == (60, 40)
    assert facts.rotation == {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)


def test_a_turned_heic_is_turned_only_once(tmp_path: Path) -> None:
    """Telephones write both a rotation box and an EXIF orientation; only the box counts (ISO 23008-12)."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = pillow_heif.from_pillow(quarters().transpose(Image.Transpose.ROTATE_90))
    path = tmp_path / "photo.heic"
    stored.save(path, quality=95, exif=exif.tobytes())
    assert b"irot" in path.read_bytes()
    assert corners(read(os.fsencode(path))) == list(CORNERS)
    facts = facts_of(os.fsencode(path))
    assert (facts.width, facts.height) == (60, 40)


def tagged(
    folder: Path, details: Mapping[int, object], position: Mapping[int, object] | None = None
) -> Facts:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS R5\x00"
    exif.get_ifd(0x8769).update(details)
    exif.get_ifd(0x8825).update(position or {})
    return facts_of(written(folder, quarters(), "tagged.jpg", exif=exif))


def test_time_camera_and_place_come_from_exif(tmp_path: Path) -> None:
    ratio = TiffImagePlugin.IFDRational
    position = {
        1: "S", 2: (ratio(33), ratio(51), ratio(2160, 100)), 3: "E", 4: (ratio(151), ratio(12), ratio(0)),
    }  # fmt: skip
    details = {0x9003: "2024:05:01 12:34:56", 0x9011: "+02:00", 0x9291: "250"}
    facts = tagged(tmp_path, details, position)
    zone = timezone(timedelta(hours=2))
    assert facts.captured_at == datetime(2024, 5, 1, 12, 34, 56, 250_000, tzinfo=zone)
    assert facts.camera == "Canon EOS R5"
    assert facts.latitude == pytest.approx(-(33 + 51 / 60 + 21.6 / 3600))
    assert facts.longitude == pytest.approx(151.2)


def test_a_time_without_a_zone_is_read_as_utc(tmp_path: Path) -> None:
    assert tagged(tmp_path, {0x9003: "2024:05:01 12:34:56"}).captured_at == datetime(
        2024, 5, 1, 12, 34, 56, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "date", ["0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", "1904:01:01 00:00:00"]
)
def test_a_clock_that_was_never_set_gives_no_time(tmp_path: Path, date: str) -> None:
    assert tagged(tmp_path, {0x9003: date}).captured_at is None


def test_a_place_without_a_fix_is_no_place(tmp_path: Path) -> None:
    nan = TiffImagePlugin.IFDRational(0, 0)
    facts = tagged(tmp_path, {}, {1: "N", 2: (nan, nan, nan), 3: "E", 4: (nan, nan, nan)})
    assert (facts.latitude, facts.longitude) == (None, None)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "I;16", "I", "F", "YCbCr", "LAB"])
def test_every_mode_becomes_rgb_and_keeps_light_and_dark(tmp_path: Path, mode: str) -> None:
    grey = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    path = written(tmp_path, in_mode(grey, mode), "photo.tif")
    picture = read(path)
    assert picture.shape == (48, 64, 3)
    columns = picture.mean(axis=(0, 2))
    assert columns[:4].mean() < 30
    assert columns[-4:].mean() > 225
    if mode != "1":
        assert np.abs(columns - grey[0]).max() < 12


def in_mode(grey: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    if mode == "I":
        return Image.fromarray(grey.astype(np.int32) * 257)
    if mode == "F":
        return Image.fromarray(grey.astype(np.float32) / 255)
    image = Image.fromarray(grey)
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        lab = ImageCms.applyTransform(image.convert("RGB"), to_lab)
        assert lab is not None
        return lab
    return image.convert(mode)


def test_a_png_of_sixteen_bits_is_not_clipped_to_white(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65_535, 64).astype(np.uint16), (48, 1))
    picture = read(written(tmp_path, Image.fromarray(ramp), "deep.png"), short_side=24)
    assert int(picture[12, 16, 0]) == pytest.approx(128, abs=4)


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 30, 40))
    picture = read(written(tmp_path, image, "logo.png"))
    assert tuple(picture[20, 50]) == (255, 255, 255)
    assert tuple(picture[20, 10]) == (200, 0, 0)


def test_a_white_drawing_on_nothing_stays_visible(tmp_path: Path) -> None:
    image = Image.new("RGBA", (60, 40), (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (10, 10, 40, 30))
    picture = read(written(tmp_path, image, "logo.webp", lossless=True))
    assert int(picture[20, 20, 0]) - int(picture[2, 2, 0]) > 80


def test_a_transparent_palette_is_laid_on_white(tmp_path: Path) -> None:
    image = quarters().convert("P")
    image.info["transparency"] = image.getpixel((0, 0))
    picture = read(written(tmp_path, image, "drawing.gif", transparency=image.getpixel((0, 0))))
    assert tuple(picture[3, 3]) == (255, 255, 255)
    assert corners(picture)[1:] == list(CORNERS[1:])


def test_a_colour_profile_is_applied(tmp_path: Path) -> None:
    """A grey of linear light 0.5 is 188 in sRGB."""
    image = Image.new("RGB", (60, 40), (128, 128, 128))
    picture = read(written(tmp_path, image, "linear.png", icc_profile=linear_profile()))
    assert picture[5, 5].tolist() == pytest.approx([188, 188, 188], abs=3)


def linear_profile() -> bytes:
    """An sRGB profile with its three tone curves made straight lines (ICC.1, curveType of count 0)."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag in range(int.from_bytes(data[128:132], "big")):
        at = 132 + 12 * tag
        if bytes(data[at : at + 4]) in (b"rTRC", b"gTRC", b"bTRC"):
            where = int.from_bytes(data[at + 4 : at + 8], "big")
            data[where : where + 12] = b"curv" + bytes(8)
    return bytes(data)


def test_a_large_jpeg_is_decoded_small_and_still_right(tmp_path: Path) -> None:
    image = Image.fromarray(counter_picture(2748, width=2400, height=1600))
    picture = read(written(tmp_path, image, "large.jpg"), short_side=100)
    assert picture.shape == (100, 150, 3)
    assert read_number(picture) == 2748


def test_the_first_picture_of_an_animated_webp_stands_for_it(tmp_path: Path) -> None:
    pictures = [Image.fromarray(counter_picture(n)) for n in (5, 6, 7)]
    path = written(tmp_path, pictures[0], "moving.webp", save_all=True, append_images=pictures[1:])
    assert facts_of(path).kind is Kind.PHOTO
    assert read_number(read(path)) == 5


@pytest.mark.parametrize("kind", PHOTO_KINDS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("short_side", [0, 60])
def test_half_a_photo_is_damaged_and_never_half_grey(
    tmp_path: Path, kind: str, share: float, short_side: int
) -> None:
    content = photo(kind)
    path = tmp_path / f"half.{kind}"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DamagedFile, match="copy it again"):
        read(os.fsencode(path), short_side)


def test_the_guard_counts_pixels_before_anything_is_decoded(tmp_path: Path) -> None:
    path = written(tmp_path, quarters(), "small.png")
    with pytest.raises(OversizedPicture, match="60 × 40"):
        read_photo(path, max_pixels=2399)
    assert read_photo(path, max_pixels=2400).shape == (40, 60, 3)


def test_a_film_is_no_photo(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(100))
    with pytest.raises(UnknownFormat, match="not a photo"):
        read(os.fsencode(path))


def test_the_process_wide_guard_of_pillow_is_left_as_it_was(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    read(written(tmp_path, quarters(), "small.png"))
    assert before == Image.MAX_IMAGE_PIXELS
