"""What files say about themselves, and what is measured where they say nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.frame import VideoFrame
from PIL import Image

from heimdex.entities import Kind
from heimdex.errors import DamagedFile, OversizedPicture, UnknownFormat
from heimdex.media.probe import probe
from heimdex.media.recognise import Recognised, recognise
from heimdex.media.video import frames
from tests.media import bombs
from tests.media.bases import photo
from tests.media.clips import Clip, Sound, make
from tests.media.counter import counter_picture, read_number
from tests.unit.media.conftest import MAX_PIXELS, Made, facts_of

Maker = Callable[[Clip], Made]


@pytest.mark.parametrize(
    "clip",
    [
        Clip(),
        Clip(ending="ts"),
        Clip(ending="h264"),
        Clip(codec="libvpx", ending="webm", muxing=(("live", "1"),)),
        Clip(muxing=(("movflags", "frag_keyframe+empty_moov"),)),
        Clip(codec="mpeg2video", ending="mpg"),
        Clip(codec="gif", ending="gif", pixels="rgb8", width=64, height=36),
        Clip(codec="mpeg4", ending="avi", options=(("bf", "2"),)),
        Clip(delay_s=1.075),
    ],
    ids=["MP4", "TS", "raw", "live", "fragmented", "MPEG", "GIF", "AVI", "late"],
)
def test_durations_are_right_where_stated_and_measured_where_not(made: Maker, clip: Clip) -> None:
    assert made(clip).facts.duration_us == pytest.approx(2_000_000, abs=1_000)


def test_the_duration_reaches_to_the_end_of_the_longer_stream(made: Maker) -> None:
    facts = made(Clip(count=25, sound=Sound(offset_s=0.5, seconds=3))).facts
    assert facts.duration_us == pytest.approx(3_500_000, abs=45_000)


def test_a_late_start_is_the_zero_and_not_an_offset(made: Maker) -> None:
    facts = made(Clip(delay_s=1.075)).facts
    assert (facts.zero_us, facts.video_offset_us, facts.audio_offset_us) == (1_075_000, 0, None)


def test_a_films_facts_are_complete(made: Maker) -> None:
    facts = made(Clip(sound=Sound())).facts
    assert (facts.kind, facts.container) == (Kind.VIDEO, "mp4")
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
    assert (facts.width, facts.height, facts.rotation) == (320, 180, 0)
    assert facts.frame_rate == pytest.approx(25)
    assert not facts.interlaced
    assert facts.transfer is None
    assert not facts.clock_breaks


@pytest.mark.parametrize(
    ("codec", "ending", "options", "name"),
    [
        ("libx265", "mp4", (("x265-params", "log-level=none"),), "hevc"),
        ("libvpx-vp9", "webm", (), "vp9"),
        ("libsvtav1", "mkv", (("preset", "12"),), "av1"),
        ("mpeg4", "avi", (), "mpeg4"),
        ("prores_ks", "mov", (), "prores"),
    ],
)
def test_codecs_have_their_common_names(
    made: Maker, codec: str, ending: str, options: tuple[tuple[str, str], ...], name: str
) -> None:
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    clip = Clip(codec=codec, ending=ending, options=options, pixels=pixels, count=10)
    assert made(clip).facts.video_codec == name


def test_a_sound_is_audio(made: Maker) -> None:
    for ending, codec in (("m4a", "aac"), ("mp3", "libmp3lame"), ("wav", "pcm_s16le"), ("ogg", "libopus")):
        facts = made(Clip(codec=None, ending=ending, sound=Sound(codec=codec))).facts
        assert facts.kind is Kind.AUDIO
        assert (facts.video_codec, facts.width, facts.video_offset_us) == (None, 0, None)
        assert facts.audio_offset_us == 0
        assert facts.duration_us == pytest.approx(2_000_000, abs=60_000)


def test_cover_art_does_not_make_a_song_a_film(clip_folder: Path, tmp_path: Path) -> None:
    song = make(Clip(codec=None, ending="mp3", sound=Sound(codec="libmp3lame")), clip_folder).read_bytes()
    body = b"\x00image/jpeg\x00\x03\x00" + photo("jpeg")
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\x00\x00" + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path = tmp_path / "song.mp3"
    path.write_bytes(b"ID3\x03\x00\x00" + size + frame + song[song.index(b"\xff\xfb") :])
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1  # libav shows the cover as a picture stream
    facts = facts_of(os.fsencode(path))
    assert (facts.kind, facts.audio_codec, facts.video_codec) == (Kind.AUDIO, "mp3", None)


def two_films(path: Path, sizes: tuple[tuple[int, int], ...]) -> None:
    with av.open(str(path), "w") as container:
        streams = []
        for width, height in sizes:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = Disposition(0)
            streams.append(stream)
        for number in range(10):
            for marker, (stream, (width, height)) in enumerate(zip(streams, sizes, strict=True)):
                picture = counter_picture(number + 100 * marker, width=width, height=height)
                frame = VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))


@pytest.mark.parametrize("larger", [0, 1])
def test_of_two_films_in_one_file_the_larger_is_chosen(tmp_path: Path, larger: int) -> None:
    sizes = ((320, 180), (160, 90)) if larger == 0 else ((160, 90), (320, 180))
    path = tmp_path / "two.mkv"
    two_films(path, sizes)
    facts = facts_of(os.fsencode(path))
    assert (facts.width, facts.height) == (320, 180)
    shown = [read_number(frame.render(0)) for frame in frames(os.fsencode(path), facts)]
    assert shown == [number + 100 * larger for number in range(10)]


def test_time_camera_and_place_come_from_a_films_tags(made: Maker) -> None:
    tags = (
        ("creation_time", "2023-05-01T10:34:56.000000Z"),
        ("com.apple.quicktime.make", "Apple"),
        ("com.apple.quicktime.model", "iPhone 15"),
        ("com.apple.quicktime.location.ISO6709", "+48.1374+011.5755+519.000/"),
    )
    clip = Clip(ending="mov", count=5, tags=tags, muxing=(("movflags", "use_metadata_tags"),))
    facts = made(clip).facts
    assert facts.captured_at == datetime(2023, 5, 1, 10, 34, 56, tzinfo=UTC)
    assert facts.camera == "Apple iPhone 15"
    assert (facts.latitude, facts.longitude) == pytest.approx((48.1374, 11.5755))


def test_tags_that_are_no_text_do_no_harm(made: Maker, tmp_path: Path) -> None:
    clip = made(Clip(ending="mkv", count=5, tags=(("title", "AAAABBBB"),)))
    content = Path(os.fsdecode(clip.path)).read_bytes()
    path = tmp_path / "odd.mkv"
    path.write_bytes(content.replace(b"AAAABBBB", b"\xff\xfe\xc3\x28\xa0\xa1\x80\xbf"))
    assert facts_of(os.fsencode(path)).kind is Kind.VIDEO


def test_the_guard_bounds_films_as_it_bounds_photos(made: Maker) -> None:
    clip = made(Clip(count=5))
    recognised = Recognised(family=recognise(clip.path).family, format="mp4")  # type: ignore[union-attr]
    assert probe(clip.path, recognised, max_pixels=320 * 180 * 2).width == 320
    with pytest.raises((OversizedPicture, DamagedFile), match="pixels"):
        probe(clip.path, recognised, max_pixels=1_000)


def test_an_enormous_animation_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gif"
    path.write_bytes(bombs.gif(60_000, 60_000, pictures=2))
    with pytest.raises(OversizedPicture, match="60000 × 60000"):
        facts_of(os.fsencode(path))


def test_a_film_whose_picture_cannot_be_decoded_is_not_taken_for_a_sound(made: Maker, tmp_path: Path) -> None:
    clip = made(Clip(count=10, sound=Sound(seconds=0.4)))
    path = tmp_path / "strange.mp4"
    path.write_bytes(Path(os.fsdecode(clip.path)).read_bytes().replace(b"avc1", b"zzz9"))
    with pytest.raises(UnknownFormat, match="cannot be decoded here"):
        facts_of(os.fsencode(path))


def test_a_recording_cut_into_midway_starts_where_players_start_it(clip_folder: Path, tmp_path: Path) -> None:
    whole = make(Clip(ending="ts", group=25), clip_folder).read_bytes()
    path = tmp_path / "midway.ts"
    path.write_bytes(whole[len(whole) // 4 // 188 * 188 :])
    facts = facts_of(os.fsencode(path))
    shown = [(frame.at_us, read_number(frame.render(0))) for frame in frames(os.fsencode(path), facts)]
    assert shown[0] == (facts.video_offset_us, 25)  # the first whole group
    assert shown[0][0] > 0
    assert [number for _at, number in shown] == list(range(25, 50))


def test_seeking_reads_only_what_it_needs(clip_folder: Path) -> None:
    """After a seek into a long film almost nothing is decoded: the report counts every frame that was."""
    path = os.fsencode(make(replace(Clip(), count=500, width=64, height=36), clip_folder))
    recognised = recognise(path)
    assert recognised is not None
    facts = probe(path, recognised, max_pixels=MAX_PIXELS)
    source = frames(path, facts, start_us=15_000_000, end_us=15_100_000)
    assert len(list(source)) == 3
    assert source.report.frames < 30


def test_small_frames_do_not_flicker_when_texture_moves_a_little(clip_folder: Path) -> None:
    """The two-step scaling against sampling alone, on noise that moves by three pixels."""
    texture = np.random.default_rng(1).integers(0, 255, (180, 340, 3), np.uint8)

    def moving(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.ascontiguousarray(texture[:, 3 * number : 3 * number + 320])

    clip = Clip(codec="ffv1", ending="mkv", count=4, paint=moving, paint_name="texture")
    path = os.fsencode(make(clip, clip_folder))
    small = [frame.small.astype(int) for frame in frames(path, facts_of(path))]
    change = np.mean([np.abs(a - b).mean() for a, b in pairwise(small)])
    sampled = np.abs(texture[::5, ::5].astype(int) - texture[::5, 3::5][:, :68]).mean()
    assert change < 0.6 * sampled


def test_an_animated_avif_is_a_film(tmp_path: Path) -> None:
    pictures = [Image.fromarray(counter_picture(number)) for number in range(4)]
    path = tmp_path / "moving.avif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, speed=10)
    facts = facts_of(os.fsencode(path))
    assert (facts.kind, facts.container, facts.video_codec) == (Kind.VIDEO, "picture-sequence", "av1")
    shown = [(frame.at_us, read_number(frame.render(0))) for frame in frames(os.fsencode(path), facts)]
    assert shown == [(0, 0), (100_000, 1), (200_000, 2), (300_000, 3)]
    assert facts.duration_us == 400_000
