"""Sound on the asset's one clock: the right sample at the right time, whatever the file."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heimdex.entities import Facts, Kind
from heimdex.errors import DamagedFile, UnreadableFile
from heimdex.media.sound import RATE_HZ, sound
from heimdex.media.video import frames
from tests.media.clips import SOUND_RATE_HZ, Clip, make
from tests.media.clips import Sound as ClipSound
from tests.media.counter import read_number
from tests.media.sounds import Recording, beeps, heard, joined, onsets_us, record
from tests.unit.media.conftest import Made, facts_of

Maker = Callable[[Clip], Made]
DATA = Path(__file__).parents[3].parent / "shared" / "data"
STATM = Path("/proc/self/statm")
EXACT_US = 1_000
CODED_US = 4_000  # lossy codecs smear an onset

CLIPS = {
    "MP4, AAC": (Clip(sound=ClipSound()), CODED_US),
    "late start": (Clip(delay_s=1.075, sound=ClipSound()), CODED_US),
    "sound after picture": (Clip(sound=ClipSound(offset_s=0.5)), CODED_US),
    "sound before picture": (Clip(sound=ClipSound(offset_s=-0.72)), CODED_US),
    "transport stream": (Clip(ending="ts", sound=ClipSound(offset_s=0.3)), CODED_US),
    "clock that wraps": (
        Clip(ending="ts", delay_s=95_442.7, muxing=(("mpegts_copyts", "1"),), sound=ClipSound()),
        CODED_US,
    ),
    "DVD": (Clip(codec="mpeg2video", ending="vob", sound=ClipSound(codec="ac3")), CODED_US),
    "WebM, Opus": (
        Clip(codec="libvpx", ending="webm", sound=ClipSound(codec="libopus", offset_s=0.5)),
        CODED_US,
    ),
    "Matroska, PCM": (Clip(ending="mkv", sound=ClipSound(codec="pcm_f32le", offset_s=0.25)), EXACT_US),
    "QuickTime, PCM": (Clip(ending="mov", sound=ClipSound(codec="pcm_f32le", offset_s=0.5)), EXACT_US),
    "AVI, MP3": (Clip(codec="mpeg4", ending="avi", sound=ClipSound(codec="libmp3lame")), 30_000),
    "fragmented MP4": (
        Clip(muxing=(("movflags", "frag_keyframe+empty_moov"),), sound=ClipSound()),
        CODED_US,
    ),
}


@pytest.mark.parametrize("name", list(CLIPS))
def test_a_beep_is_heard_when_the_picture_of_its_time_is_shown(made: Maker, name: str) -> None:
    clip, tolerance_us = CLIPS[name]
    film = made(clip)
    shown_us = {read_number(frame.render(0)): frame.at_us for frame in frames(film.path, film.facts)}
    assert clip.sound is not None
    beeps_us = onsets_us(heard(film.path, film.facts))
    assert len(beeps_us) >= 2
    for second, at_us in enumerate(beeps_us):
        expected_us = shown_us[0] + round((clip.sound.offset_s + second) * 1e6)
        assert at_us == pytest.approx(expected_us, abs=tolerance_us)


@pytest.mark.parametrize("name", list(CLIPS))
def test_a_range_of_sound_is_that_range_of_the_whole(made: Maker, name: str) -> None:
    film = made(CLIPS[name][0])
    whole = heard(film.path, film.facts)
    for start_us, end_us in ((0, 700_000), (900_000, 1_300_000), (1_450_000, 1_700_000)):
        part = heard(film.path, film.facts, start_us=start_us, end_us=end_us)
        same = whole[start_us * 16 // 1000 : end_us * 16 // 1000]
        assert part.shape == same.shape
        assert np.abs(part - same).max() < 0.02


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the data folder {DATA.name} is not there")
def test_the_speech_of_the_real_recording_comes_whole() -> None:
    path = os.fsencode(DATA / "jfk.flac")
    pieces = list(sound(path, facts_of(path)))
    samples = joined(pieces)
    assert [piece.start_us for piece in pieces] == [n * 2_000_000 for n in range(6)]
    assert samples.dtype == np.float32
    assert len(samples) == 11 * RATE_HZ
    assert 0.5 < np.abs(samples).max() <= 1
    in_between = samples[round(2.8 * RATE_HZ) : round(3.1 * RATE_HZ)]  # he pauses after "my fellow Americans"
    assert np.sqrt((in_between**2).mean()) < 0.2 * np.sqrt((samples**2).mean())


def test_a_range_far_into_a_long_recording_is_the_same_as_in_the_whole(tmp_path: Path) -> None:
    tone = beeps(60, [n * 1.37 for n in range(43)], rate_hz=44_100)
    for ending, codec, form in (("m4a", "aac", "fltp"), ("flac", "flac", "s16"), ("mkv", "libopus", "flt")):
        rate_hz = 48_000 if codec == "libopus" else 44_100
        recording = Recording(samples=tone, codec=codec, ending=ending, form=form, rate_hz=rate_hz)
        path = record(recording, tmp_path / f"long.{ending}")
        facts = facts_of(path)
        whole = heard(path, facts)
        part = heard(path, facts, start_us=41_000_000, end_us=47_500_000)
        same = whole[41 * RATE_HZ : 41 * RATE_HZ + len(part)]
        assert len(part) == round(6.5 * RATE_HZ)
        assert np.abs(np.array(onsets_us(part)) - onsets_us(same)).max() <= EXACT_US + 63


@pytest.mark.parametrize(
    ("layout", "channels", "ending", "codec", "rate_hz"),
    [
        ("mono", 1, "wav", "pcm_s16le", 8_000),
        ("stereo", 2, "wav", "pcm_s16le", 44_100),
        ("5.1", 6, "flac", "flac", 48_000),
        ("7.1", 8, "wav", "pcm_s16le", 96_000),
        ("8 channels", 8, "caf", "pcm_s16le", 48_000),
        ("3 channels", 3, "caf", "pcm_s16le", 48_000),
        ("quad", 4, "wav", "pcm_s16le", 22_050),
        ("24 channels", 24, "caf", "pcm_s16le", 48_000),
        ("stereo", 2, "wav", "pcm_s16le", 16_000),
        ("stereo", 2, "wav", "pcm_s16le", 192_000),
    ],
)
def test_sounds_of_any_layout_and_rate_become_one_even_row(
    tmp_path: Path, layout: str, channels: int, ending: str, codec: str, rate_hz: int
) -> None:
    samples = np.repeat(beeps(3, (0.5, 2), rate_hz=rate_hz), channels, axis=0)
    recording = Recording(samples=samples, codec=codec, layout=layout, rate_hz=rate_hz)
    path = record(recording, tmp_path / f"one.{ending}")
    found = heard(path, facts_of(path))
    assert len(found) == pytest.approx(3 * RATE_HZ, abs=16)
    assert onsets_us(found) == pytest.approx([500_000, 2_000_000], abs=EXACT_US)
    assert np.abs(found).max() == pytest.approx(0.5, abs=0.05)


def test_speech_in_the_centre_of_eight_planar_channels_stays_loud(tmp_path: Path) -> None:
    samples = np.zeros((6, 96_000), np.float32)
    samples[2] = beeps(2, (1,))[0]
    samples[3] = 0.9 * np.sin(np.arange(96_000) * 2 * np.pi * 40 / 48_000)  # a rumble in the effects channel
    path = record(
        Recording(samples=samples, codec="aac", form="fltp", layout="5.1", bit_rate=384_000),
        tmp_path / "five.m4a",
    )
    found = heard(path, facts_of(path))
    assert np.abs(found[: RATE_HZ - 800]).max() < 0.02
    assert np.abs(found[RATE_HZ : RATE_HZ + 1600]).max() > 0.1


def test_a_gap_in_the_timestamps_is_silence_of_its_length(tmp_path: Path) -> None:
    recording = Recording(samples=beeps(6, (1, 3, 5)), jumps={94: 2.5, 188: 0.04})  # blocks of 21.3 ms
    path = record(recording, tmp_path / "gap.mkv")
    source = sound(path, facts_of(path))
    found = joined(list(source))
    assert onsets_us(found) == pytest.approx([1_000_000, 5_500_000, 7_540_000], abs=EXACT_US)
    assert len(found) == pytest.approx(8.54 * RATE_HZ, abs=16)
    assert source.report.silence_us == pytest.approx(2_540_000, abs=EXACT_US)
    assert not source.report.damaged


def test_what_overlaps_is_heard_once(tmp_path: Path) -> None:
    recording = Recording(samples=beeps(6, (1, 5)), jumps={6: -0.2}, block=24_000)
    path = record(recording, tmp_path / "overlap.mkv")
    found = heard(path, facts_of(path))
    assert onsets_us(found) == pytest.approx([1_000_000, 4_800_000], abs=EXACT_US)
    assert len(found) == pytest.approx(5.8 * RATE_HZ, abs=32)


def test_a_clock_that_drifts_from_its_samples_is_followed(tmp_path: Path) -> None:
    drift = dict.fromkeys(range(1, 900), 0.00002)  # 0.02 ms late, block after block: 0.1 %
    path = record(Recording(samples=beeps(18, range(18)), jumps=drift), tmp_path / "drift.mkv")
    found = heard(path, facts_of(path))
    expected = [second * 1e6 + int(second * 48_000 / 1024) * 20 for second in range(18)]
    assert np.abs(np.array(onsets_us(found)) - expected).max() < 3_000


def test_clocks_that_count_milliseconds_tear_nothing(tmp_path: Path) -> None:
    time_s = np.arange(480_000) / 48_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)[None]
    path = record(Recording(samples=tone, codec="pcm_f32le", form="flt"), tmp_path / "tone.mkv")
    found = heard(path, facts_of(path))
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(found)) / RATE_HZ)
    assert np.abs(found[400:-400] - expected[400:-400]).max() < 0.01


def test_a_recording_whose_clock_starts_over_keeps_step_with_its_picture(clip_folder: Path) -> None:
    half = make(Clip(ending="ts", count=50, sound=ClipSound(seconds=1.9)), clip_folder).read_bytes()
    path = os.fsencode(clip_folder / "thrice.m2t")
    Path(os.fsdecode(path)).write_bytes(half * 3)
    facts = facts_of(path)
    assert facts.clock_breaks
    shown_us = [frame.at_us for frame in frames(path, facts) if read_number(frame.render(0)) in (0, 25)]
    assert len(shown_us) == 6
    assert onsets_us(heard(path, facts)) == pytest.approx(shown_us, abs=CODED_US)


def test_a_recording_of_sound_alone_whose_clock_starts_over_goes_on(tmp_path: Path) -> None:
    part = record(Recording(samples=beeps(3, (1,)), codec="mp2", ending="ts"), tmp_path / "part.ts")
    path = os.fsencode(tmp_path / "twice.m2t")
    Path(os.fsdecode(path)).write_bytes(Path(os.fsdecode(part)).read_bytes() * 2)
    found = heard(path, facts_of(path))
    first, second = onsets_us(found)
    assert second - first == pytest.approx(3_000_000, abs=30_000)


@pytest.mark.skipif(not STATM.exists(), reason="the system does not say how much memory a process holds")
def test_two_hours_of_silence_take_no_more_memory_than_ten_minutes(tmp_path: Path) -> None:
    silence = np.zeros((1, 2 * 3600 * 8_000), np.float32)
    recording = Recording(samples=silence, codec="flac", ending="flac", rate_hz=8_000, block=65_535)
    path = record(recording, tmp_path / "night.flac")
    del silence, recording
    held: dict[int, int] = {}
    count = 0
    for piece in sound(path, facts_of(path)):
        assert not piece.samples.any()
        count += len(piece.samples)
        if piece.start_us % 600_000_000 == 0:
            held[piece.start_us // 600_000_000] = int(STATM.read_text().split()[1]) * os.sysconf(
                "SC_PAGE_SIZE"
            )
    assert count == 2 * 3600 * RATE_HZ
    assert len(held) == 12
    assert max(held.values()) - held[1] < 4_000_000


def test_a_film_without_sound_gives_nothing(made: Maker) -> None:
    film = made(Clip())
    source = sound(film.path, film.facts)
    assert list(source) == []
    assert source.report.note is None


def test_an_empty_range_and_one_after_the_end_give_nothing(made: Maker) -> None:
    film = made(CLIPS["MP4, AAC"][0])
    assert list(sound(film.path, film.facts, start_us=500_000, end_us=500_000)) == []
    assert list(sound(film.path, film.facts, start_us=60_000_000)) == []


def test_a_sound_stream_of_no_length_gives_nothing(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "nothing.wav"), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", "not compressed"))
    facts = Facts(kind=Kind.AUDIO, container="wav", audio_codec="pcm_s16le")
    assert list(sound(os.fsencode(tmp_path / "nothing.wav"), facts)) == []


def test_damage_in_the_middle_leaves_silence_there_and_is_told(tmp_path: Path) -> None:
    samples = beeps(12, range(12))
    path = record(Recording(samples=samples, codec="flac", form="s16"), tmp_path / "hurt.mka")
    content = bytearray(Path(os.fsdecode(path)).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    Path(os.fsdecode(path)).write_bytes(content)
    source = sound(path, facts_of(path))
    found = joined(list(source))
    near = [second for second in onsets_us(found) if second < 4_000_000 or second > 8_000_000]
    assert near == pytest.approx([s * 1e6 for s in (0, 1, 2, 3, 9, 10, 11)][: len(near)], abs=20_000)
    assert source.report.damaged
    assert "were skipped" in (source.report.note or "") or "are damaged" in (source.report.note or "")


def test_a_sound_that_was_cut_off_says_so(tmp_path: Path) -> None:
    path = record(Recording(samples=beeps(12, range(12)), codec="flac", form="s16"), tmp_path / "cut.flac")
    content = Path(os.fsdecode(path)).read_bytes()
    Path(os.fsdecode(path)).write_bytes(content[: len(content) // 2])
    source = sound(path, facts_of(path))
    assert 2 * RATE_HZ < len(joined(list(source))) < 11 * RATE_HZ
    assert "ends before its stated duration" in (source.report.note or "")


def test_a_sound_of_which_nothing_can_be_decoded_is_refused(made: Maker, clip_folder: Path) -> None:
    path = make(Clip(codec=None, ending="m4a", sound=ClipSound()), clip_folder)
    facts = facts_of(os.fsencode(path))
    content = path.read_bytes()
    media = content.index(b"mdat") + 4
    moov = content.index(b"moov")
    hurt = clip_folder / "noise.m4a"
    noise = np.random.default_rng(3).integers(0, 255, moov - 4 - media, np.uint8).tobytes()
    hurt.write_bytes(content[:media] + noise + content[moov - 4 :])
    source = sound(os.fsencode(hurt), facts)
    try:
        found = joined(list(source))
    except DamagedFile as refused:
        assert "copy the file again" in str(refused)  # noqa: PT017
    else:
        assert len(found) <= 3 * RATE_HZ
        assert source.report.damaged


def test_a_sound_that_vanished_is_unreadable(made: Maker, tmp_path: Path) -> None:
    facts = made(CLIPS["MP4, AAC"][0]).facts
    with pytest.raises(UnreadableFile, match="not there any more"):
        next(sound(os.fsencode(tmp_path / "gone.mp4"), facts))


def test_a_pass_can_be_left_early(made: Maker) -> None:
    film = made(CLIPS["MP4, AAC"][0])
    with sound(film.path, film.facts) as source:
        assert next(source).start_us == 0
    assert next(source, None) is None
    assert SOUND_RATE_HZ != RATE_HZ  # so that what was decoded had to be resampled
