"""Real films and photos, where the data folder is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heimdex.entities import FileStamp, Kind, Refusal
from heimdex.media.photo import read_photo
from heimdex.media.video import frames
from heimdex.media.walk import walk
from tests.unit.media.conftest import facts_of

DATA = Path(__file__).parents[3].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the data folder {DATA.name} is not there")


@pytest.mark.parametrize(
    ("name", "size", "count", "duration_us"),
    [
        ("testvideo.mp4", (1280, 720), 720, 24_023_333),
        ("counter.mp4", (1920, 1080), 30, 3_000_000),
        ("delayed_start.mp4", (480, 320), 24, 960_000),
        ("issue-134-rotate.mp4", (544, 1280), 240, 10_010_000),
    ],
)
def test_films_have_their_frames_and_times(
    name: str, size: tuple[int, int], count: int, duration_us: int
) -> None:
    path = os.fsencode(DATA / name)
    facts = facts_of(path)
    source = frames(path, facts)
    decoded = [(frame.at_us, frame.end_us) for frame in source]
    assert (facts.width, facts.height) == size
    assert facts.duration_us == duration_us
    assert len(decoded) == count
    assert decoded[0][0] == facts.video_offset_us == 0
    assert decoded[-1][1] == pytest.approx(duration_us, abs=5_000)
    assert not source.report.damaged


def test_a_delayed_start_is_taken_off() -> None:
    assert facts_of(os.fsencode(DATA / "delayed_start.mp4")).zero_us == 1_075_000


def test_a_rotated_film_is_shown_upright() -> None:
    path = os.fsencode(DATA / "issue-134-rotate.mp4")
    facts = facts_of(path)
    assert facts.rotation == 90
    assert next(frames(path, facts)).render(256).shape == (602, 256, 3)


def test_every_photo_of_the_data_folder_is_read() -> None:
    found = [entry for entry in walk([os.fsencode(DATA)]) if isinstance(entry, FileStamp)]
    refused = [entry for entry in walk([os.fsencode(DATA)]) if isinstance(entry, Refusal)]
    photos = [stamp for stamp in found if stamp.path.endswith((b".jpg", b".png"))][::10]
    assert refused == []
    assert len(photos) > 40
    for stamp in photos:
        assert facts_of(stamp.path).kind is Kind.PHOTO
        assert min(read_photo(stamp.path, max_pixels=10**7, short_side=64).shape[:2]) == 64
