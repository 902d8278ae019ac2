"""Kept frames: small enough, the same every time, never half written."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import numpy as np
import pytest

from heimdex.errors import DamagedFile, StorageFull, StoreError, UnreadableFile
from heimdex.media.pictures import LONG_SIDE_LIMIT, fit, keep, read_picture
from tests.media.counter import counter_picture, read_number


def test_the_kept_frame_and_its_thumbnail_have_their_sizes(tmp_path: Path) -> None:
    frame, thumbnail = keep(counter_picture(1001, width=1920, height=1080), tmp_path / "ab", "film-1")
    assert (frame.width, frame.height) == (910, 512)
    assert (thumbnail.width, thumbnail.height) == (320, 180)
    for kept in (frame, thumbnail):
        content = kept.path.read_bytes()
        assert kept.sha256 == hashlib.sha256(content).hexdigest()
        assert kept.size_bytes == len(content)
        picture = read_picture(kept.path)
        assert picture.shape == (kept.height, kept.width, 3)
        assert read_number(picture) == 1001
    assert sorted(path.name for path in (tmp_path / "ab").iterdir()) == ["film-1-thumb.jpg", "film-1.jpg"]


def test_a_small_picture_is_kept_as_it_is(tmp_path: Path) -> None:
    picture = counter_picture(3, width=200, height=120)
    frame, thumbnail = keep(picture, tmp_path, "small")
    assert (frame.width, frame.height) == (thumbnail.width, thumbnail.height) == (200, 120)
    assert np.abs(read_picture(frame.path).astype(int) - picture).mean() < 3


def test_a_tall_picture_has_a_thumbnail_of_limited_height(tmp_path: Path) -> None:
    _frame, thumbnail = keep(counter_picture(3, width=544, height=1280), tmp_path, "tall")
    assert (thumbnail.width, thumbnail.height) == (136, 320)


@pytest.mark.parametrize("size", [(1, 1), (70_000, 2), (3, 9_000)])
def test_pictures_of_odd_sizes_are_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    frame, thumbnail = keep(np.zeros((size[1], size[0], 3), np.uint8), tmp_path, "odd")
    assert max(frame.width, frame.height) <= LONG_SIDE_LIMIT
    assert min(frame.width, frame.height, thumbnail.width, thumbnail.height) >= 1


def test_the_same_pixels_give_the_same_file(tmp_path: Path) -> None:
    picture = counter_picture(77)
    assert keep(picture, tmp_path / "a", "x")[0].sha256 == keep(picture, tmp_path / "b", "x")[0].sha256


@pytest.mark.parametrize(("code", "error"), [(errno.ENOSPC, StorageFull), (errno.EACCES, StoreError)])
def test_a_disk_that_refuses_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    def refusing(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, "write_bytes", refusing)
    with pytest.raises(error, match="write"):
        keep(counter_picture(1), tmp_path, "x")
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_missing_kept_files_are_told_apart(tmp_path: Path) -> None:
    frame, _thumbnail = keep(counter_picture(1), tmp_path, "x")
    frame.path.write_bytes(frame.path.read_bytes()[: frame.size_bytes // 2])
    with pytest.raises(DamagedFile, match="--repair"):
        read_picture(frame.path)
    frame.path.unlink()
    with pytest.raises(UnreadableFile):
        read_picture(frame.path)


@pytest.mark.parametrize(("short_side", "shape"), [(0, (180, 320)), (90, (90, 160)), (500, (180, 320))])
def test_fit_never_enlarges(short_side: int, shape: tuple[int, int]) -> None:
    assert fit(counter_picture(1), short_side).shape[:2] == shape
