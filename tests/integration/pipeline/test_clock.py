"""One clock: what a player shows and plays at `hit.start` is what the index says begins there.

The player here is a second, plain implementation: it knows the container's start and nothing of Heimdex.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex import Heimdex
from tests.media.clips import Clip, Sound, make
from tests.media.counter import read_number, scene_of

CUTS = (38, 75)
UNEVEN = tuple(n * 0.04 + (0.013 if n % 3 == 1 else 0.0) + (0.5 if n >= 60 else 0.0) for n in range(110))

CLIPS = {
    "plain": Clip(count=110, cuts=CUTS),
    "variable frame rate": Clip(count=110, cuts=CUTS, times_s=UNEVEN),
    "delayed start": Clip(count=110, cuts=CUTS, delay_s=1.075),
    "sound later than the picture": Clip(count=110, cuts=(37, 62), sound=Sound(offset_s=0.48, seconds=4.0)),
    "sound before the picture": Clip(count=110, cuts=(38, 63), sound=Sound(offset_s=-0.48, seconds=4.5)),
    "all of it": Clip(
        count=110, cuts=CUTS, times_s=UNEVEN, delay_s=0.7, sound=Sound(offset_s=0.52, seconds=4.0)
    ),
    "matroska": Clip(count=110, cuts=CUTS, ending="mkv", codec="libvpx-vp9", delay_s=0.3),
    "transport stream": Clip(count=110, cuts=CUTS, ending="ts", codec="mpeg2video"),
}


class Player:
    """Shows and plays a file at a time after its start, by decoding all of it."""

    def __init__(self, path: Path) -> None:
        with av.open(str(path)) as container:
            assert container.start_time is not None
            zero_s = Fraction(container.start_time, 1_000_000)
            self.shown = [
                (
                    float(frame.pts * frame.time_base - zero_s),
                    np.asarray(frame.to_ndarray(format="rgb24"), np.uint8),
                )
                for frame in container.decode(video=0)
                if frame.pts is not None and frame.time_base is not None
            ]
        self.rate_hz = 0
        self.sound: NDArray[np.float32] = np.zeros(0, np.float32)
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0) if container.streams.audio else ():
                assert frame.pts is not None
                assert frame.time_base is not None
                at_s = frame.pts * frame.time_base - zero_s
                self.rate_hz = frame.sample_rate
                first = max(0, round(at_s * frame.sample_rate))
                samples = frame.to_ndarray()[0].astype(np.float32)
                gap = np.zeros(max(0, first - len(self.sound)), np.float32)
                self.sound = np.concatenate([self.sound, gap, samples])

    def picture(self, at_s: float) -> NDArray[np.uint8]:
        """The frame on screen at a time."""
        return [picture for shown_s, picture in self.shown if shown_s <= at_s + 1e-6][-1]

    def loudness(self, from_s: float, to_s: float) -> float:
        """Root mean square of a stretch of the sound."""
        part = self.sound[round(from_s * self.rate_hz) : round(to_s * self.rate_hz)]
        return float(np.sqrt(np.mean(part**2)))


@pytest.fixture
def heimdex(database_url: str, tmp_path: Path) -> Iterator[Heimdex]:
    with Heimdex(home=tmp_path / "home", database_url=database_url, workers=2) as opened:
        yield opened


def test_every_hit_starts_at_the_frame_that_a_player_shows_there(heimdex: Heimdex, tmp_path: Path) -> None:
    folder = tmp_path / "media"
    names = {make(clip, folder): name for name, clip in CLIPS.items()}
    report = heimdex.index(folder)
    assert report.failed == ()
    hits = heimdex.search("a number on coloured ground", limit=200, nearest=True).hits
    for path, name in names.items():
        clip, player = CLIPS[name], Player(path)
        starts = sorted(hit.start_us / 1e6 for hit in hits if hit.path == str(path))
        numbers = [read_number(player.picture(start)) for start in starts]
        # Which cuts are found is the detector's matter, and proved there; when they are is the clock's.
        assert numbers[:2] == [0, clip.cuts[0]], name
        assert set(numbers) <= {0, *clip.cuts}, name
        for start, number in zip(starts, numbers, strict=True):
            assert scene_of(player.picture(start)) == sum(number >= cut for cut in clip.cuts), name
            assert start == pytest.approx(player.shown[number][0], abs=1e-5), name


@pytest.mark.parametrize("name", ["sound later than the picture", "sound before the picture"])
def test_the_beep_that_sounds_at_a_cut_sounds_at_the_start_of_its_hit(
    heimdex: Heimdex, tmp_path: Path, name: str
) -> None:
    path = make(CLIPS[name], tmp_path / "media")
    heimdex.index(path)
    player = Player(path)
    starts = sorted(hit.start_us / 1e6 for hit in heimdex.search("a number", limit=9, nearest=True).hits)
    assert len(starts) == 3
    for start in starts[1:]:
        assert player.loudness(start + 0.02, start + 0.07) > 10 * player.loudness(start + 0.2, start + 0.5)
