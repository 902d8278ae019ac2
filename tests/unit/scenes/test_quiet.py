"""Recordings are divided in their pauses."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from heimdex.entities import STILL, Scene
from heimdex.scenes.quiet import QuietOptions, divide

RATE_HZ = 16_000


def talk(seconds: float, pauses: list[tuple[float, float]], *, noise: float = 0.001) -> NDArray[np.float32]:
    """Loud noise with a syllable's rhythm, faint noise in the pauses."""
    lot = np.random.default_rng(5)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    level = 0.3 * (1.2 + np.sin(2 * np.pi * 4 * time_s))
    for begins_s, ends_s in pauses:
        level[(time_s >= begins_s) & (time_s < ends_s)] = noise
    return (lot.standard_normal(len(time_s)) * level).astype(np.float32)


def blocks(samples: NDArray[np.float32], size: int = 32_000) -> Iterator[NDArray[np.float32]]:
    for first in range(0, len(samples), size):
        yield samples[first : first + size]


def scenes_of(samples: NDArray[np.float32], size: int = 32_000) -> list[Scene]:
    return list(divide(blocks(samples, size)))


def cuts_s(samples: NDArray[np.float32]) -> list[float]:
    return [scene.start_us / 1e6 for scene in scenes_of(samples)][1:]


def test_a_scene_ends_in_the_middle_of_the_pause() -> None:
    assert cuts_s(talk(50, [(20, 21)])) == pytest.approx([20.5], abs=0.05)


def test_the_longer_of_two_pauses_is_taken() -> None:
    assert cuts_s(talk(45, [(17, 17.4), (24, 25.2)])) == pytest.approx([24.6], abs=0.05)


def test_a_pause_too_early_is_no_reason_to_divide() -> None:
    first = cuts_s(talk(50, [(5, 7), (22, 22.5)]))[0]
    assert first == pytest.approx(22.25, abs=0.05)


def test_a_pause_in_a_noisy_room_is_a_pause() -> None:
    assert cuts_s(talk(50, [(26, 26.6)], noise=0.1)) == pytest.approx([26.3], abs=0.15)


def test_silence_is_divided_as_rarely_as_may_be() -> None:
    found = scenes_of(np.zeros(RATE_HZ * 100, np.float32))
    assert [scene.end_us for scene in found] == [30_000_000, 60_000_000, 90_000_000, 100_000_000]


def test_the_last_scene_is_not_silly_short() -> None:
    found = scenes_of(np.zeros(RATE_HZ * 31, np.float32))
    assert [scene.end_us for scene in found] == [26_000_000, 31_000_000]


def test_a_short_recording_is_one_still_scene() -> None:
    (scene,) = scenes_of(talk(7.123, []))
    assert (scene.position, scene.start_us, scene.end_us) == (0, 0, 7_123_000)
    assert scene.motion == STILL


def test_one_sample_is_a_scene_and_none_is_none() -> None:
    assert [(s.start_us, s.end_us) for s in scenes_of(np.ones(1, np.float32))] == [(0, 62)]
    assert scenes_of(np.zeros(0, np.float32)) == []
    assert list(divide(iter([np.zeros(0, np.float32)] * 3))) == []


@settings(max_examples=40, deadline=None)
@given(
    seconds=st.floats(0.01, 130),
    pauses=st.lists(st.tuples(st.floats(0, 120), st.floats(0.1, 20)), max_size=8),
    size=st.integers(1_000, 100_000),
    longest_s=st.sampled_from([10, 20, 30]),
)
def test_scenes_join_and_keep_their_lengths(
    seconds: float, pauses: list[tuple[float, float]], size: int, longest_s: int
) -> None:
    samples = talk(seconds, [(begins, begins + lasts) for begins, lasts in pauses])
    options = QuietOptions(longest_us=longest_s * 1_000_000)
    found = list(divide(blocks(samples, size), options))
    assert found[0].start_us == 0
    assert found[-1].end_us == len(samples) * 1_000_000 // RATE_HZ
    assert [scene.position for scene in found] == list(range(len(found)))
    assert all(one.end_us == two.start_us for one, two in pairwise(found))
    assert all(0 < scene.end_us - scene.start_us <= options.longest_us for scene in found)
    assert all(scene.end_us - scene.start_us >= options.longest_us // 2 for scene in found[:-1])
    again = list(divide(blocks(samples, 16_000), options))
    assert [s.end_us for s in again] == [s.end_us for s in found]  # whatever the blocks


def test_hours_take_no_more_memory_than_a_minute() -> None:
    block = talk(10, [(4, 5)])
    tracemalloc.start()
    try:
        count = sum(1 for _ in divide(block for _ in range(1080)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count >= 360
    assert peak < 8_000_000
