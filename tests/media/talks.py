"""Films in which something is said and something written: cards with lines on them, over a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont

FPS = 10
SIZE = (640, 360)
SOUND_RATE_HZ = 48_000


@dataclass(frozen=True, kw_only=True)
class Card:
    """A shot: a ground of one colour for so long, with a line written over it ("": none)."""

    seconds: float
    line: str = ""
    ground: tuple[int, int, int] = (40, 60, 90)


def make_talk(path: Path, cards: Sequence[Card], recording: Path | None = None, late_s: float = 0.0) -> Path:
    """Write an MP4 of the cards; the recording's sound begins `late_s` into it."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "18"})
        assert isinstance(pictures, VideoStream)
        pictures.width, pictures.height, pictures.pix_fmt = *SIZE, "yuv420p"
        sound = container.add_stream("aac", rate=SOUND_RATE_HZ) if recording is not None else None
        number = 0
        for card in cards:
            shown = np.asarray(draw(card))
            for _ in range(round(card.seconds * FPS)):
                frame = VideoFrame.from_ndarray(shown, "rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(pictures.encode(frame))
                number += 1
        container.mux(pictures.encode(None))
        if recording is not None:
            assert isinstance(sound, AudioStream)
            for block in _sound(recording, late_s):
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


def draw(card: Card) -> Image.Image:
    """The card; its ground is not flat, or there would be nothing to see."""
    across = np.linspace(0, 40, SIZE[0], dtype=np.uint8)[np.newaxis, :, np.newaxis]
    ground = np.clip(np.array(card.ground, np.uint8) + np.zeros((SIZE[1], 1, 3), np.uint8) + across, 0, 255)
    picture = Image.fromarray(ground.astype(np.uint8))
    if card.line:
        font = ImageFont.load_default(size=44)
        ImageDraw.Draw(picture).text((40, 150), card.line, fill=(245, 245, 240), font=font)
    return picture


def _sound(recording: Path, late_s: float) -> list[AudioFrame]:
    with av.open(str(recording)) as source:
        resampler = av.AudioResampler("fltp", "stereo", SOUND_RATE_HZ, frame_size=1024)
        found: list[AudioFrame] = []
        for frame in source.decode(audio=0):
            found += resampler.resample(frame)
        found += resampler.resample(None)
    first = round(late_s * SOUND_RATE_HZ)
    for number, block in enumerate(found):
        block.pts, block.time_base = first + number * 1024, Fraction(1, SOUND_RATE_HZ)
    return found
