"""Sound of any layout and rate becomes mono of 16 kHz; all of it in libavfilter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]
"""Mono, float32, shape (n,), 16 kHz, nominally -1 to 1."""

RATE_HZ = 16_000
# Shares of the channels in the mix, after ITU-R BS.775: the centre, where people speak, before the sides, the
# sides before the surrounds; the low-frequency effects are left out.
CHANNEL_SHARES = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "DL": 0.7071, "DR": 0.7071, "LFE": 0.0, "LFE2": 0.0}
OTHER_SHARE = 0.5


class Mixer:
    """Mixes the channels of one sort of sound down to one and brings it to 16 kHz."""

    def __init__(self, frame: AudioFrame) -> None:
        self.rate_hz = frame.sample_rate
        self._kind = frame.format.name, frame.layout.name, frame.sample_rate
        shares = _shares([channel.name for channel in frame.layout.channels])
        graph = Graph()
        source = graph.add(
            "abuffer",
            sample_fmt=frame.format.name,
            channel_layout=frame.layout.name,
            sample_rate=str(self.rate_hz),
            time_base=f"1/{self.rate_hz}",
        )
        mix = graph.add("pan", "mono|c0=" + "+".join(f"{share:.6f}*c{n}" for n, share in enumerate(shares)))
        form = graph.add("aformat", sample_rates=str(RATE_HZ), sample_fmts="flt", channel_layouts="mono")
        sink = graph.add("abuffersink")
        source.link_to(mix)
        mix.link_to(form)
        form.link_to(sink)
        graph.configure()
        self._graph = graph

    def takes(self, frame: AudioFrame) -> bool:
        """Whether a frame is of the sort this was made for."""
        return (frame.format.name, frame.layout.name, frame.sample_rate) == self._kind

    def mixed(self, frame: AudioFrame) -> Iterator[Samples]:
        """What comes out for a frame: float32, shape (n,)."""
        self._graph.push(frame)
        yield from self._pulled()

    def drained(self) -> Iterator[Samples]:
        """What the resampler still held back."""
        self._graph.push(None)
        yield from self._pulled()

    def _pulled(self) -> Iterator[Samples]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, AudioFrame)
            found: Samples = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            yield np.nan_to_num(found, nan=0.0, posinf=1.0, neginf=-1.0)


def _shares(names: list[str]) -> list[float]:
    """How much each channel counts; all the same where nobody says which is which."""
    shares = [CHANNEL_SHARES.get(name, OTHER_SHARE) for name in names]
    total = sum(shares)
    return [share / total for share in shares] if total else [1 / len(names)] * len(names)
