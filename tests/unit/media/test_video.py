"""The right frame at the right time, in one pass and after any seek."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heimdex.entities import SMALL_HEIGHT, SMALL_WIDTH, Frame
from heimdex.errors import DamagedFile, UnreadableFile
from heimdex.media.video import frames
from tests.media.clips import Clip, Sound, make
from tests.media.counter import read_number, scene_of
from tests.unit.media.conftest import Made, facts_of

Maker = Callable[[Clip], Made]
CONTAINER_TICK_US = 1_000  # Matroska and FLV keep milliseconds
PRIMING_US = 22_000  # an encoder puts up to 1,024 samples of silence before its first sound

UNEVEN = (0, 0.04, 0.08, 0.2, 0.23, 0.4, 1.4, 1.44, 1.5, 1.7, *(1.7 + n * 0.05 for n in range(1, 30)))
QUIET_HEVC = (("x265-params", "log-level=none:pools=1"),)
OPEN_GROUPS = (("bf", "3"), ("x264-params", "open-gop=1:keyint=12"))
FIELDS = (("flags", "+ilme+ildct"),)
CLIPS = {
    "plain H.264": Clip(),
    "uneven frame times": Clip(times_s=UNEVEN),
    "late start": Clip(delay_s=1.075),
    "sound after picture": Clip(sound=Sound(offset_s=0.5)),
    "sound before picture": Clip(sound=Sound(offset_s=-0.7)),
    "uneven, late, sound first": Clip(times_s=UNEVEN, delay_s=2.3, sound=Sound(offset_s=-0.3)),
    "HEVC": Clip(codec="libx265", options=QUIET_HEVC),
    "HEVC of 10 bits": Clip(codec="libx265", pixels="yuv420p10le", options=QUIET_HEVC),
    "VP9 and Opus": Clip(codec="libvpx-vp9", ending="webm", sound=Sound(codec="libopus", offset_s=0.5)),
    "VP9, uneven": Clip(codec="libvpx-vp9", ending="webm", times_s=UNEVEN),
    "AV1": Clip(codec="libsvtav1", ending="mkv", options=(("preset", "12"),)),
    "MPEG-4 with B-frames in AVI": Clip(codec="mpeg4", ending="avi", options=(("bf", "2"),)),
    "ProRes": Clip(codec="prores_ks", ending="mov", pixels="yuv422p10le", count=20),
    "MJPEG in AVI": Clip(codec="mjpeg", ending="avi", pixels="yuvj420p", count=20),
    "GIF": Clip(codec="gif", ending="gif", pixels="rgb8", width=120, height=80, count=20),
    "APNG": Clip(codec="apng", ending="apng", pixels="rgb24", count=20),
    "FFV1 of odd size": Clip(codec="ffv1", ending="mkv", width=175, height=143, count=20),
    "transport stream": Clip(ending="ts", sound=Sound()),
    "transport stream, open groups": Clip(ending="ts", options=OPEN_GROUPS, group=12),
    "Matroska, open groups": Clip(ending="mkv", options=OPEN_GROUPS, group=12),
    "camcorder stream": Clip(ending="m2ts", count=20),
    "clock that wraps": Clip(ending="ts", delay_s=95_442.7, muxing=(("mpegts_copyts", "1"),)),
    "DVD": Clip(codec="mpeg2video", ending="vob", sound=Sound(codec="ac3")),
    "interlaced MPEG-2": Clip(codec="mpeg2video", ending="mpg", options=(*FIELDS, ("bf", "2"))),
    "Flash": Clip(codec="flv", ending="flv", sound=Sound(), count=20),
    "Windows Media": Clip(codec="wmv2", ending="wmv", count=20),
    "MXF": Clip(codec="mpeg2video", ending="mxf", count=20),
    "fragmented MP4": Clip(muxing=(("movflags", "frag_keyframe+empty_moov"),)),
    "live WebM": Clip(codec="libvpx", ending="webm", muxing=(("live", "1"),), count=20),
    "raw H.264": Clip(ending="h264"),
    "raw MPEG-2": Clip(codec="mpeg2video", ending="m2v", count=20),
}


@pytest.fixture(params=list(CLIPS.values()), ids=list(CLIPS))
def clip(request: pytest.FixtureRequest, made: Maker) -> Made:
    return made(request.param)


def number_of(frame: Frame) -> int:
    return read_number(frame.render(0))


def test_every_frame_shows_its_number_at_its_time(clip: Made) -> None:
    decoded = list(frames(clip.path, clip.facts))
    first_us = decoded[0].at_us
    expected = [first_us + round(moment * 1e6) for moment in clip.clip.moments_s()]
    assert [number_of(frame) for frame in decoded] == list(range(len(expected)))
    assert np.abs(np.array([frame.at_us for frame in decoded]) - expected).max() <= CONTAINER_TICK_US


def test_frames_follow_each_other_without_gap_or_overlap(clip: Made) -> None:
    source = frames(clip.path, clip.facts)
    decoded = list(source)
    assert all(frame.at_us < frame.end_us for frame in decoded)
    assert [f.end_us for f in decoded[:-1]] == [f.at_us for f in decoded[1:]]
    assert decoded[0].at_us == clip.facts.video_offset_us
    assert decoded[0].small.shape == (SMALL_HEIGHT, SMALL_WIDTH, 3)
    assert not source.report.damaged


def test_a_range_gives_the_same_frames_at_the_same_times_as_the_full_pass(clip: Made) -> None:
    whole = [(f.at_us, f.end_us, f.small.tobytes()) for f in frames(clip.path, clip.facts)]
    for first in range(0, len(whole), 9):
        last = min(first + 4, len(whole) - 1)
        exact, within = (whole[first][0], whole[last][0]), (whole[first][0] + 7, whole[last][1] - 7)
        for start_us, end_us in (exact, within):
            wanted = [entry for entry in whole if entry[1] > start_us and entry[0] < end_us]
            found = frames(clip.path, clip.facts, start_us=start_us, end_us=end_us)
            assert [(f.at_us, f.end_us, f.small.tobytes()) for f in found] == wanted


@pytest.mark.parametrize("name", ["plain H.264", "HEVC", "MPEG-4 with B-frames in AVI", "transport stream"])
def test_referenced_frames_keep_their_times_and_pictures(made: Maker, name: str) -> None:
    clip = made(CLIPS[name])
    whole = {f.at_us: f.small.tobytes() for f in frames(clip.path, clip.facts)}
    fewer = list(frames(clip.path, clip.facts, referenced_only=True))
    assert 0 < len(fewer) < len(whole)
    assert all(whole[f.at_us] == f.small.tobytes() for f in fewer)


@pytest.mark.parametrize("offset_s", [0.5, -0.7])
def test_sound_and_picture_keep_their_distance_on_one_clock(made: Maker, offset_s: float) -> None:
    facts = made(Clip(sound=Sound(offset_s=offset_s))).facts
    assert facts.video_offset_us is not None
    assert facts.audio_offset_us is not None
    assert min(facts.video_offset_us, facts.audio_offset_us) == 0
    apart = facts.audio_offset_us - facts.video_offset_us
    assert apart == pytest.approx(offset_s * 1e6, abs=PRIMING_US)


def test_cuts_fall_on_the_frames_where_they_were_made(made: Maker) -> None:
    clip = made(Clip(times_s=UNEVEN, cuts=(7, 20)))
    scenes = [scene_of(frame.render(0)) for frame in frames(clip.path, clip.facts)]
    assert scenes == [0] * 7 + [1] * 13 + [2] * (len(UNEVEN) - 20)


def test_a_range_holds_the_frame_shown_at_its_start(made: Maker) -> None:
    clip = made(Clip())
    shown = list(frames(clip.path, clip.facts, start_us=1_010_000, end_us=1_010_001))
    assert [number_of(frame) for frame in shown] == [25]


def test_a_range_after_the_end_is_empty(made: Maker) -> None:
    clip = made(Clip())
    assert list(frames(clip.path, clip.facts, start_us=60_000_000)) == []


def test_a_recording_whose_clock_starts_over_goes_on_where_it_was(clip_folder: Path) -> None:
    half = make(Clip(ending="ts", count=20), clip_folder).read_bytes()
    path = os.fsencode(clip_folder / "twice.m2t")
    Path(os.fsdecode(path)).write_bytes(half + half)
    facts = facts_of(path)
    decoded = list(frames(path, facts))
    assert facts.clock_breaks
    assert facts.duration_us == 1_600_000
    assert [number_of(frame) for frame in decoded] == [*range(20), *range(20)]
    assert [frame.at_us for frame in decoded] == [n * 40_000 for n in range(40)]
    part = [(f.at_us, number_of(f)) for f in frames(path, facts, start_us=1_000_000, end_us=1_100_000)]
    assert part == [(1_000_000, 5), (1_040_000, 6), (1_080_000, 7)]


def test_a_cut_film_gives_what_is_left_and_says_so(clip_folder: Path) -> None:
    whole = make(Clip(muxing=(("movflags", "faststart"),)), clip_folder).read_bytes()
    path = clip_folder / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 6 // 10])
    source = frames(os.fsencode(path), facts_of(os.fsencode(path)))
    numbers = [number_of(frame) for frame in source]
    assert 10 < len(numbers) < 45
    assert numbers[:-1] == list(range(len(numbers) - 1))  # the last one may be half a picture
    assert source.report.ended_early
    assert source.report.note is not None
    assert "ends before its stated duration" in source.report.note


def test_damage_in_the_middle_is_skipped_and_counted(clip_folder: Path) -> None:
    content = bytearray(make(Clip(muxing=(("movflags", "faststart"),)), clip_folder).read_bytes())
    start = len(content) // 2
    content[start : start + 600] = bytes(byte ^ 0x5A for byte in content[start : start + 600])
    path = clip_folder / "hurt.mp4"
    path.write_bytes(content)
    source = frames(os.fsencode(path), facts_of(os.fsencode(path)))
    numbers = [number_of(frame) for frame in source]
    assert numbers[:10] == list(range(10))
    assert numbers[-5:] == list(range(45, 50))
    assert source.report.damaged


def test_a_film_without_one_good_frame_is_refused(clip_folder: Path) -> None:
    content = make(Clip(muxing=(("movflags", "faststart"),)), clip_folder).read_bytes()
    facts = facts_of(os.fsencode(make(Clip(), clip_folder)))
    media = content.index(b"mdat") + 4
    path = clip_folder / "zeroed.mp4"
    path.write_bytes(content[:media] + bytes(len(content) - media))
    with pytest.raises(DamagedFile, match="not one frame"):
        next(frames(os.fsencode(path), facts))


def test_a_film_that_vanished_is_unreadable(made: Maker, tmp_path: Path) -> None:
    facts = made(Clip()).facts
    with pytest.raises(UnreadableFile, match="not there any more"):
        next(frames(os.fsencode(tmp_path / "gone.mp4"), facts))


def test_a_pass_can_be_left_early_and_its_frames_still_be_shown(made: Maker) -> None:
    clip = made(Clip())
    with frames(clip.path, clip.facts) as source:
        kept = [next(source) for _ in range(3)]
    assert [number_of(frame) for frame in kept] == [0, 1, 2]
    assert next(source, None) is None
