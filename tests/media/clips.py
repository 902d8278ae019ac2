"""Makes tiny clips, each with a counter burned in, so that a test can prove which frame is shown when.

A clip is described by a `Clip` and made once per folder; equal descriptions give the same file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from heimdex.entities import Picture
from tests.media.counter import counter_picture

os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder else tells its life on stderr

TICK = Fraction(1, 12_800)
SOUND_RATE_HZ = 48_000
BEEP_HZ = 1_000

Painter = Callable[[int], Picture]


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A sine that beeps for 0.1 s at every full second of its own time."""

    codec: str = "aac"
    offset_s: float = 0.0  # its first sample against the first picture
    seconds: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What a clip is made of."""

    codec: str | None = "libx264"
    ending: str = "mp4"
    width: int = 320
    height: int = 180
    count: int = 50
    rate: int = 25
    times_s: tuple[float, ...] | None = None  # of every frame, against the first; None = `rate`
    delay_s: float = 0.0  # everything starts this late on the container's clock
    cuts: tuple[int, ...] = ()  # frame numbers at which the colour changes
    group: int = 10  # frames between key frames
    pixels: str = "yuv420p"
    rotation: float = 0.0  # degrees counter-clockwise, as PyAV takes it
    mirrored: bool = False
    aspect: Fraction | None = None  # of one sample
    colour: tuple[int, int, int] | None = None  # AVCOL primaries, transfer, matrix
    options: tuple[tuple[str, str], ...] = ()  # of the encoder
    muxing: tuple[tuple[str, str], ...] = ()
    sound: Sound | None = None
    tags: tuple[tuple[str, str], ...] = ()
    paint: Painter | None = field(default=None, compare=False)
    paint_name: str = "counter"  # part of the name where `paint` is given

    def moments_s(self) -> tuple[float, ...]:
        """When each frame is shown, against the first."""
        return self.times_s or tuple(number / self.rate for number in range(self.count))

    def picture(self, number: int) -> Picture:
        """The frame of that number as it goes into the encoder."""
        if self.paint is not None:
            return self.paint(number)
        scene = sum(number >= cut for cut in self.cuts)
        return counter_picture(number, width=self.width, height=self.height, scene=scene)


def make(clip: Clip, folder: Path) -> Path:
    """The clip's file in `folder`, written unless it is there."""
    described = repr(clip).encode()
    name = f"{clip.codec or 'sound'}-{hashlib.sha256(described).hexdigest()[:12]}.{clip.ending}"
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"part-{name}"
        with av.open(str(partial), "w", options=dict(clip.muxing)) as container:
            _write(clip, container)
        partial.rename(path)
    return path


def _write(clip: Clip, container: OutputContainer) -> None:
    container.metadata.update(dict(clip.tags))
    video = _add_video(clip, clip.codec, container) if clip.codec else None
    audio = _add_audio(clip.sound, container) if clip.sound else None
    # interleaved by time, or the demuxers of the world would see what no camera writes
    queue: list[tuple[float, VideoFrame | AudioFrame]] = []
    if video is not None:
        queue += [(at, frame) for at, frame in _pictures(clip, clip.pixels)]
    if audio is not None and clip.sound is not None:
        queue += list(_sounds(clip.sound, clip.delay_s))
    for _at, frame in sorted(queue, key=lambda entry: entry[0]):
        stream = video if isinstance(frame, VideoFrame) else audio
        container.mux(stream.encode(frame))  # type: ignore[union-attr, arg-type]
    for ended in (video, audio):
        if ended is not None:
            container.mux(ended.encode(None))


def _add_video(clip: Clip, codec: str, container: OutputContainer) -> VideoStream:
    stream = container.add_stream(codec, rate=clip.rate, options=dict(clip.options))
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = clip.width, clip.height, clip.pixels
    context.gop_size = clip.group
    if clip.times_s is not None or clip.delay_s:
        context.time_base = TICK
    if clip.aspect is not None:
        context.sample_aspect_ratio = clip.aspect
    if clip.colour is not None:
        context.color_primaries, context.color_trc, context.colorspace = clip.colour
    if clip.rotation or clip.mirrored:
        stream.set_display_rotation(clip.rotation, hflip=clip.mirrored)
    return stream


def _add_audio(sound: Sound, container: OutputContainer) -> AudioStream:
    stream = container.add_stream(sound.codec, rate=SOUND_RATE_HZ)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = "mono"
    return stream


def _pictures(clip: Clip, pixels: str) -> Iterator[tuple[float, VideoFrame]]:
    late_s = clip.delay_s + max(0.0, -(clip.sound.offset_s if clip.sound else 0.0))
    for number, moment_s in enumerate(clip.moments_s()):
        frame = VideoFrame.from_ndarray(clip.picture(number), "rgb24")
        if pixels != "rgb24":
            hd = clip.height >= 720 or (clip.colour is not None and clip.colour[2] == 1)
            frame = frame.reformat(format=pixels, dst_colorspace="ITU709" if hd else "ITU601")
        frame.time_base = TICK
        frame.pts = round((moment_s + late_s) / TICK)
        yield moment_s + late_s, frame


def _sounds(sound: Sound, delay_s: float) -> Iterator[tuple[float, AudioFrame]]:
    """Frames of 1,024 samples."""
    start_s = delay_s + max(0.0, sound.offset_s)
    for first in range(0, int(sound.seconds * SOUND_RATE_HZ), 1024):
        moment = (np.arange(first, first + 1024) / SOUND_RATE_HZ).astype(np.float32)
        wave = np.where(moment % 1 < 0.1, np.sin(2 * np.pi * BEEP_HZ * moment) * 0.5, 0).astype(np.float32)
        frame = AudioFrame.from_ndarray(wave[None, :], format="fltp", layout="mono")
        frame.sample_rate = SOUND_RATE_HZ
        frame.time_base = Fraction(1, SOUND_RATE_HZ)
        frame.pts = round(start_s * SOUND_RATE_HZ) + first
        yield start_s + first / SOUND_RATE_HZ, frame
