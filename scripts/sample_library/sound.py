"""Synthetic speech, laid into an otherwise silent soundtrack."""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from sample_library.nouns import Spoken

Sound = NDArray[np.int16]  # mono, 44.1 kHz

SOUND_RATE = 44_100  # Hz
QUIET = 300  # of 32768: below it a synthetic voice has not begun, or has ended
VOICE = ("espeak-ng", "-v", "en-us+f2", "-s", "140")


def can_speak() -> bool:
    """Whether the synthetic voice is installed."""
    return shutil.which(VOICE[0]) is not None


def speak(text: str) -> Sound:
    """The sentence in a synthetic voice, silence before and after cut off."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "voice.wav"
        subprocess.run([*VOICE, "-w", str(path), text], check=True)
        with wave.open(str(path)) as file:
            rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
    samples = samples[loud[0] : loud[-1] + 1]
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = AudioResampler(format="s16", layout="mono", rate=SOUND_RATE)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return cast(Sound, np.concatenate([part.to_ndarray()[0] for part in parts]))


def soundtrack(spoken: tuple[Spoken, ...], seconds: float) -> tuple[Sound, list[dict[str, Any]]]:
    """The sound and what is said in it when; silence where nobody speaks."""
    track = np.zeros(round(seconds * SOUND_RATE), np.int16)
    said = []
    for sentence in spoken:
        voice = speak(sentence.text)
        begin = round(sentence.at_s * SOUND_RATE)
        track[begin : begin + len(voice)] = voice  # raises where the track is too short
        end_us = round((begin + len(voice)) * 1_000_000 / SOUND_RATE)
        said.append({"start_us": round(sentence.at_s * 1_000_000), "end_us": end_us, "text": sentence.text})
    return track, said


def sound_packets(track: Sound, stream: av.AudioStream) -> Iterator[tuple[float, list[av.Packet[Any]]]]:
    """Encoded sound, each with the time its samples begin, in seconds."""
    for begin in range(0, len(track), 1024):
        frame = av.AudioFrame.from_ndarray(track[None, begin : begin + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, begin, Fraction(1, SOUND_RATE)
        yield begin / SOUND_RATE, stream.encode(frame)
    yield math.inf, stream.encode(None)
