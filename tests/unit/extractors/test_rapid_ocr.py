"""Writing on real and drawn pictures, read by the weights that come with the package."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from heimdex.entities import Picture
from heimdex.errors import ModelUnavailable, WeightsCorrupt
from heimdex.extractors import rapid_graphs
from heimdex.extractors.rapid_ocr import RapidReader, ReaderOptions, fingerprint
from tests.media.plates import CLEAR, WORN, plate_texts, scenery, with_plate

LATIN_FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/System/Library/Fonts/Helvetica.ttc",
)
CJK_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
)


@pytest.fixture(scope="module")
def reader() -> Iterator[RapidReader]:
    """The reader, loaded where every attempt to reach the network fails."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("reading asked for the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", refuse)
        patch.setattr(socket.socket, "connect", refuse)
        yield RapidReader(ReaderOptions(threads=2))


def page(*lines: str, size: tuple[int, int] = (1280, 720), height: int = 32, font: Any = None) -> Picture:
    image = Image.new("RGB", size, (244, 244, 240))
    drawing = ImageDraw.Draw(image)
    for number, text in enumerate(lines):
        drawing.text(
            (60, 50 + 2 * height * number),
            text,
            font=font or ImageFont.load_default(height),
            fill=(20, 20, 30),
        )
    return np.array(image)


def installed(paths: tuple[str, ...], glyphs: str, package: str) -> Any:
    """The first of some fonts, 40 px high; skips where there is none."""
    path = next((path for path in paths if Path(path).exists()), None)
    if path is None:
        pytest.skip(f"no font with {glyphs} is installed (Debian: {package})")
    return ImageFont.truetype(path, 40)


def words(reader: RapidReader, picture: Picture) -> list[str]:
    return [line.text for line in reader.read(picture)]


def test_lines_are_read_from_top_to_bottom_with_their_places(reader: RapidReader) -> None:
    found = reader.read(page("Gate 12 closes at 17:45", "Platform K7", height=40))
    assert [line.text for line in found] == ["Gate 12 closes at 17:45", "Platform K7"]
    for number, line in enumerate(found):
        left, top = np.min(line.quad, axis=0)
        bottom = np.max(line.quad, axis=0)[1]
        assert abs(left - 60) < 15
        assert top - 15 < 50 + 80 * number + 20 < bottom + 15
        assert line.confidence > 0.9


def test_accents_and_umlauts_are_read(reader: RapidReader) -> None:
    lines = (
        "Straßenbahn nach Köln, Übergang",
        "déjà vu à l'hôtel, garçon",
        "señor, ¿qué año?",
        "Łódź, Příbram",
    )
    font = installed(LATIN_FONTS, "accents", "fonts-dejavu-core")
    found = words(reader, page(*lines, font=font))
    assert len(found) == len(lines)
    for wanted, got in zip(lines, found, strict=True):
        assert SequenceMatcher(None, wanted, got).ratio() > 0.9, (wanted, got)
    assert "Straßenbahn nach Köln" in found[0]
    assert "déjà vu" in found[1]


def test_plates_on_real_pictures_are_read_clear_and_worn(reader: RapidReader) -> None:
    for conditions, least in ((CLEAR, 10), (WORN, 9)):
        right = 0
        for number, text in enumerate(plate_texts(12)):
            found = words(reader, with_plate(scenery(number), text, conditions, number))
            right += text.replace(" ", "") in [line.replace(" ", "") for line in found]
        assert right >= least, conditions


def test_a_plate_of_two_characters_survives(reader: RapidReader) -> None:
    assert "K7" in words(reader, with_plate(scenery(3), "K7", CLEAR, 3))


def test_a_line_upside_down_is_turned(reader: RapidReader) -> None:
    upright = page("Straight on to the harbour", height=40)
    assert words(reader, np.ascontiguousarray(upright[::-1, ::-1])) == ["Straight on to the harbour"]


def test_small_writing_of_a_large_screenshot_is_read(reader: RapidReader) -> None:
    lines = [f"Entry {number}: nothing to report" for number in range(8)]
    picture = np.full((2160, 3840, 3), 250, np.uint8)
    picture[1500:1900, 3000:3700] = page(*lines, size=(700, 400), height=18)
    assert words(reader, picture) == lines


def test_a_picture_without_writing_has_no_lines(reader: RapidReader) -> None:
    assert reader.read(np.full((480, 640, 3), 128, np.uint8)) == []
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert reader.read(noise) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 800, 3), (800, 3, 3), (64, 9000, 3)])
def test_odd_pictures_break_nothing(reader: RapidReader, shape: tuple[int, int, int]) -> None:
    assert reader.read(np.full(shape, 200, np.uint8)) == []


def test_a_picture_that_is_read_is_not_changed(reader: RapidReader) -> None:
    picture = page("left as it was")
    before = picture.copy()
    reader.read(picture)
    assert np.array_equal(picture, before)


def test_chinese_and_japanese_are_read(reader: RapidReader) -> None:
    font = installed(CJK_FONTS, "Chinese glyphs", "fonts-noto-cjk")
    found = words(reader, page("紧急出口在左边", "東京都へようこそ", height=40, font=font))
    assert found == ["紧急出口在左边", "東京都へようこそ"]


def test_the_fingerprint_names_the_weights() -> None:
    assert len(fingerprint()) == 64
    assert fingerprint() == fingerprint()


def test_weights_that_are_missing_or_damaged_are_never_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import rapidocr

    monkeypatch.setattr(rapidocr, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(ModelUnavailable, match="Install Heimdex again"):
        RapidReader(ReaderOptions())
    part = rapid_graphs.config().Det
    monkeypatch.undo()
    name = rapid_graphs.shipped_file(part).path.name
    monkeypatch.setattr(rapidocr, "__file__", str(tmp_path / "__init__.py"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / name).write_bytes(b"half of it")
    with pytest.raises(WeightsCorrupt, match="checksum"):
        RapidReader(ReaderOptions())
