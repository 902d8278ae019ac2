"""A stream of sound becomes stretches of speech."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from heimdex.extractors.recogniser import SAMPLE_RATE_HZ, Samples, Stretch, microseconds
from heimdex.extractors.voice import WINDOW, VoiceDetector, VoiceFilter
from tests.unit.extractors.sounds import Piece, jfk, music, noise, pieces

SECOND = 1_000_000


@pytest.fixture(scope="module")
def voice() -> VoiceFilter:
    return VoiceFilter(VoiceDetector())


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def stretches(voice: VoiceFilter, samples: Samples, size: int = 32_000) -> list[Stretch]:
    return list(voice.stretches(pieces(samples, size)))


@pytest.mark.parametrize(
    "sound",
    [silence(20), noise(20), noise(20, 0.001), noise(20, 1.0), music(20), silence(0)],
    ids=["silence", "noise", "hiss", "roar", "music", "nothing"],
)
def test_where_nobody_speaks_there_is_no_stretch(voice: VoiceFilter, sound: Samples) -> None:
    assert stretches(voice, sound) == []


def test_the_judgement_is_that_of_the_library_whatever_the_pieces() -> None:
    from faster_whisper.vad import get_vad_model

    sound = jfk()
    sound = sound[: len(sound) - len(sound) % WINDOW]
    detector = VoiceDetector()
    parts = [detector.probabilities(sound[n : n + 10 * WINDOW]) for n in range(0, len(sound), 10 * WINDOW)]
    whole = get_vad_model()(sound.copy()).reshape(-1)
    # But for the last window: the library spoils the end of the sound it is given.
    np.testing.assert_allclose(np.concatenate(parts)[:-1], whole[:-1], atol=2e-3)


def test_speech_is_found_where_it_is(voice: VoiceFilter) -> None:
    speech = jfk()
    sound = np.concatenate([noise(5, 0.001), speech, silence(30), speech, noise(5, 0.001)])
    found = stretches(voice, sound)
    first_us, second_us = 5 * SECOND, 5 * SECOND + microseconds(len(speech)) + 30 * SECOND
    for begin_us in (first_us, second_us):
        here = [one for one in found if begin_us - SECOND < one.start_us < begin_us + 11 * SECOND]
        assert here
        assert abs(here[0].start_us - begin_us) < 600_000
        assert abs(here[-1].end_us - begin_us - 10.7 * SECOND) < 600_000
    for one in found:  # they hold the very samples of their time
        begin = round(one.start_us * SAMPLE_RATE_HZ / SECOND)
        np.testing.assert_array_equal(one.samples, sound[begin : begin + len(one.samples)])


@pytest.mark.parametrize("size", [100, 511, 16_000, 1_000_000])
def test_pieces_of_any_size_give_the_same_stretches(voice: VoiceFilter, size: int) -> None:
    sound = jfk()
    whole, parts = stretches(voice, sound), stretches(voice, sound, size)
    assert [(one.start_us, one.end_us) for one in parts] == [(one.start_us, one.end_us) for one in whole]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


def test_a_gap_in_the_times_ends_a_stretch_and_what_follows_has_its_own_times(voice: VoiceFilter) -> None:
    sound = jfk()
    apart = [*pieces(sound[:32_000], 16_000), *pieces(sound[:32_000], 16_000, start_us=100 * SECOND)]
    found = list(voice.stretches(apart))
    assert found[0].end_us <= 2 * SECOND
    assert 100 * SECOND <= found[-1].start_us < 101 * SECOND


def test_samples_that_are_no_numbers_are_silence(voice: VoiceFilter) -> None:
    broken = np.full(5 * SAMPLE_RATE_HZ, np.nan, np.float32)
    broken[::3] = np.inf
    assert stretches(voice, np.concatenate([broken, silence(3)])) == []
    assert stretches(voice, np.concatenate([broken, jfk()])) != []


def test_memory_does_not_grow_with_the_sound(voice: VoiceFilter) -> None:
    speech = jfk()

    def hours() -> Iterator[Piece]:
        at_us = 0
        for _ in range(60):
            for part in (speech, silence(5)):
                yield from pieces(part, 32_000, at_us)
                at_us += microseconds(len(part))

    peaks = []
    tracemalloc.start()
    for number, _ in enumerate(voice.stretches(hours())):
        if number in (3, 50):
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
    tracemalloc.stop()
    assert len(peaks) == 2
    assert peaks[1] < 1.2 * peaks[0] + 1_000_000
