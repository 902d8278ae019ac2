"""Recordings and films with sound of any kind, made for tests of what is said."""

from __future__ import annotations

import os
import struct
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

RATE_HZ = 16_000


def write_sound(
    path: Path, samples: NDArray[np.float32], *, layout: str = "mono", codec: str = "flac"
) -> Path:
    """A recording of 16 kHz: `samples`, shape (n,), -1 to 1, on every channel."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE_HZ)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = layout
        _encode(container, stream, samples, layout)
    return path


def write_silence(path: Path, seconds: int) -> Path:
    """A WAV file of silence, which takes no room on the disk."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.setnframes(seconds * RATE_HZ)
        file.writeframesraw(b"")
    data_bytes = 2 * seconds * RATE_HZ
    header = bytearray(path.read_bytes())
    header[4:8], header[40:44] = struct.pack("<I", 36 + data_bytes), struct.pack("<I", data_bytes)
    path.write_bytes(header)
    os.truncate(path, len(header) + data_bytes)
    return path


def write_film(path: Path, samples: NDArray[np.float32], *, late_s: float = 0.0) -> Path:
    """A film of a grey picture, 10 a second, whose sound begins `late_s` after it."""
    seconds = len(samples) / RATE_HZ + late_s + 1
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        audio = container.add_stream("aac", rate=RATE_HZ)
        assert isinstance(audio, AudioStream)
        audio.codec_context.layout = "mono"
        grey = np.full((36, 64, 3), 100, np.uint8)
        for number in range(round(seconds * 10)):
            frame = VideoFrame.from_ndarray(grey, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        _encode(container, audio, samples, "mono", round(late_s * RATE_HZ))
    return path


def _encode(
    container: av.container.OutputContainer,
    stream: AudioStream,
    samples: NDArray[np.float32],
    layout: str,
    first: int = 0,
) -> None:
    steps = (np.clip(samples, -1, 1) * 32_767).astype(np.int16)
    resampler = AudioResampler(format=stream.codec_context.format, layout=layout, rate=RATE_HZ)
    channels = len(av.AudioLayout(layout).channels)
    for begin in range(0, len(steps), 1024):
        interleaved = np.repeat(steps[begin : begin + 1024], channels)[np.newaxis]
        frame = AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, first + begin, Fraction(1, RATE_HZ)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
    container.mux(stream.encode(None))
