"""The motion of known camera moves."""

from __future__ import annotations

import numpy as np
import pytest

from heimdex.entities import STILL, Motion
from heimdex.scenes.motion import MotionMeter
from tests.golden.cuts_film import RATE, Smalls, blank, film, lit, shot, view

SECOND_US = 1_000_000


def measured(smalls: Smalls) -> Motion:
    frames = film(smalls)
    stack = np.stack([frame.small for frame in frames])
    change = np.abs(np.diff(stack.astype(np.int16), axis=0, prepend=stack[:1])).mean(axis=(1, 2, 3))
    meter = MotionMeter()
    meter.add(np.array([frame.at_us for frame in frames]), stack, change.astype(np.float32))
    return meter.over(frames[0].at_us, frames[-1].end_us)


@pytest.mark.parametrize("speed", [-1.0, -0.4, -0.1, -0.03, 0.03, 0.1, 0.4, 1.0])
def test_a_pan_is_measured_with_its_sign(speed: float) -> None:
    motion = measured(shot(view(1), 1, pan=speed))
    assert motion.pan == pytest.approx(speed, rel=0.15, abs=0.015)
    assert motion.tilt == pytest.approx(0, abs=0.03)
    assert motion.zoom == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("speed", [-0.4, -0.1, 0.1, 0.4])
def test_a_tilt_is_measured_with_its_sign(speed: float) -> None:
    motion = measured(shot(view(2), 1, tilt=speed))
    assert motion.tilt == pytest.approx(speed, rel=0.15, abs=0.02)
    assert motion.pan == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("speed", [-0.4, -0.1, 0.1, 0.4])
def test_a_zoom_is_measured_with_its_sign(speed: float) -> None:
    motion = measured(shot(view(3), 1, zoom=speed))
    assert motion.zoom == pytest.approx(speed, rel=0.2, abs=0.02)
    assert motion.pan == pytest.approx(0, abs=0.03)


def test_a_still_shot_does_not_move() -> None:
    motion = measured(shot(view(4), 2))
    assert abs(motion.pan) < 0.005
    assert abs(motion.tilt) < 0.005
    assert abs(motion.zoom) < 0.005
    assert motion.energy < 0.2
    assert motion.change < 0.1


def test_a_camera_that_moves_behind_somebody_who_stands_is_still_measured() -> None:
    smalls = shot(view(5), 2, pan=0.2)
    smalls[:, 12:, 25:40] = shot(view(6), 2)[:, 12:, 25:40]
    assert measured(smalls).pan == pytest.approx(0.2, rel=0.25)


def test_flicker_is_no_camera_movement() -> None:
    motion = measured(lit(shot(view(7), 2), 1 + 0.2 * np.sin(np.arange(50) * 2), np.zeros(50)))
    assert abs(motion.pan) < 0.02
    assert abs(motion.zoom) < 0.1
    assert motion.energy > 0.2


def test_black_does_not_move() -> None:
    motion = measured(blank(0, 50))
    assert (motion.pan, motion.tilt, motion.zoom) == (0, 0, 0)


def test_energy_is_the_mean_change_per_second() -> None:
    smalls = blank(0, 50)
    smalls[1::2] = 51  # a fifth of full scale, 25 times a second
    frames_change = np.full(50, 51, np.float32)
    meter = MotionMeter()
    meter.add(np.arange(50) * SECOND_US // RATE, smalls, frames_change)
    assert meter.over(0, 2 * SECOND_US).energy == pytest.approx(0.2 * RATE, rel=0.01)


def test_change_tells_a_view_that_stays_from_one_that_is_left_behind() -> None:
    assert measured(shot(view(8), 3, pan=0.35)).change > 0.7
    assert measured(shot(view(8), 3)).change < 0.1


def test_a_single_frame_is_still() -> None:
    assert measured(shot(view(9), 1)[:1]) == STILL
