"""Cut lists: time code exact to the frame."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdex.pipeline.edl import Shot, _code, edl

NTSC = 30000 / 1001


def shot(path: str, start_s: float, end_s: float, rate: float | None = 25.0, **changes: object) -> Shot:
    facts = {"frame_rate": rate} | changes
    return Shot(path=path, start_us=round(start_s * 1e6), end_us=round(end_s * 1e6), **facts)  # type: ignore[arg-type]


def events(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line[:3].isdigit()]


def test_a_list_of_two_shots() -> None:
    text = edl([shot("/v/Sea side.mp4", 12.48, 17.2), shot("/v/b.mov", 0, 2, sound=False)], title="sea")
    assert text == (
        "TITLE: sea\nFCM: NON-DROP FRAME\n\n"
        "001  SEASIDE  B     C        00:00:12:12 00:00:17:05 01:00:00:00 01:00:04:18\n"
        "* FROM CLIP NAME: Sea side.mp4\n* SOURCE FILE: /v/Sea side.mp4\n"
        "002  B        V     C        00:00:00:00 00:00:02:00 01:00:04:18 01:00:06:18\n"
        "* FROM CLIP NAME: b.mov\n* SOURCE FILE: /v/b.mov\n"
    )


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (0, "00:00:00;00"),
        (29, "00:00:00;29"),
        (1799, "00:00:59;29"),
        (1800, "00:01:00;02"),
        (3597, "00:01:59;29"),
        (3598, "00:02:00;02"),
        (17981, "00:09:59;29"),
        (17982, "00:10:00;00"),
        (107892, "01:00:00;00"),
        (2589408, "24:00:00;00"),
    ],
)
def test_dropped_numbers_follow_smpte(frame: int, code: str) -> None:
    assert _code(frame, Fraction(30000, 1001)) == code


def test_sixty_frames_drop_four_numbers() -> None:
    rate = Fraction(60000, 1001)
    assert [_code(frame, rate) for frame in (3599, 3600, 35964)] == [
        "00:00:59;59",
        "00:01:00;04",
        "00:10:00;00",
    ]


@given(frame=st.integers(0, 5_000_000))
def test_dropped_numbers_go_up_one_by_one_and_never_skip_more(frame: int) -> None:
    hours, minutes, rest = _code(frame, Fraction(30000, 1001)).split(":")
    seconds, left = rest.split(";")
    counted = (int(hours) * 60 + int(minutes)) * 1800 + int(seconds) * 30 + int(left)
    whole = int(hours) * 60 + int(minutes)
    assert counted - 2 * (whole - whole // 10) == frame
    assert not (int(seconds) == 0 and int(left) < 2 and int(minutes) % 10)


@pytest.mark.parametrize("rate", [23.976, 24.0, 25.0, 29.97, NTSC, 30.0, 50.0, 59.94, 60.0])
def test_a_scene_that_begins_with_a_frame_gets_that_frames_number(rate: float) -> None:
    exact = {23.976: Fraction(24000, 1001), 29.97: Fraction(30000, 1001), 59.94: Fraction(60000, 1001)}
    exact[NTSC] = exact[29.97]
    fps = exact.get(rate, Fraction(round(rate)))
    for frame in (1, 999, 54_321, 200_003):
        start = shot("a.mp4", float(frame / fps), float((frame + 7) / fps), rate)
        ((*_, begin, end, record_in, record_out),) = events(edl([start], title="x"))
        assert (begin, end) == (_code(frame, fps), _code(frame + 7, fps))
        assert record_in[:8] == "01:00:00"
        assert record_out[:8] == "01:00:00"
        assert record_out[-2:] == "07"


def test_films_of_2997_frames_are_counted_with_dropped_numbers_and_the_list_says_so() -> None:
    text = edl([shot("a.mp4", 61, 62, NTSC)], title="x")
    assert "FCM: DROP FRAME" in text
    assert events(text)[0][4:6] == ["00:01:01;00", "00:01:02;00"]


def test_frame_0_is_the_first_picture_also_where_sound_comes_before_it() -> None:
    late = shot("a.mp4", 1.5, 2.5, first_picture_us=500_000)
    assert events(edl([late], title="x"))[0][4:6] == ["00:00:01:00", "00:00:02:00"]


def test_every_file_has_a_reel_of_its_own() -> None:
    paths = [
        "/a/Holiday 2021.mp4",
        "/b/holiday-2021.mov",
        "/b/holiday 2022.mov",
        "/a/Holiday 2021.mp4",
        "/c/海.mp4",
    ]
    reels = [event[1] for event in events(edl([shot(path, 0, 1) for path in paths], title="x"))]
    assert reels[0] == reels[3] == "HOLIDAY2"
    assert len(set(reels)) == 4
    assert reels[4] == "REEL"
    assert all(len(reel) <= 8 and reel.isascii() for reel in reels)


def test_photos_stand_for_five_seconds_and_sounds_are_sound() -> None:
    text = edl([shot("p.jpg", 0, 0, None, sound=False), shot("s.m4a", 1, 2, None, picture=False)], title="x")
    still, sound = events(text)
    assert still[2:6] == ["V", "C", "00:00:00:00", "00:00:05:00"]
    assert sound[2:6] == ["A", "C", "00:00:01:00", "00:00:02:00"]


def test_a_film_of_another_rate_says_so() -> None:
    text = edl([shot("a.mp4", 0, 1), shot("b.mp4", 0, 1, 50.0)], title="x")
    assert text.count("* SOURCE FRAME RATE: 50.000") == 1
    assert events(text)[1][4:] == ["00:00:00:00", "00:00:01:00", "01:00:01:00", "01:00:02:00"]


def test_names_cannot_break_the_list() -> None:
    text = edl([shot("/v/a\nb\x07.mp4", 0, 1)], title="two\nlines")
    assert text.splitlines()[0] == "TITLE: two lines"
    assert len(text.splitlines()) == 6


def test_no_shot_is_shorter_than_a_frame() -> None:
    assert events(edl([shot("a.mp4", 1, 1.001)], title="x"))[0][4:6] == ["00:00:01:00", "00:00:01:01"]
