"""Shots, photos and sentences become files; each maker returns the file's entry in truth.json."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from PIL import Image

from sample_library.camera import look, moment_us, timed
from sample_library.nouns import Clip, Fade, Photo, Recording, Taken
from sample_library.sound import SOUND_RATE, sound_packets, soundtrack

BITEXACT = {"fflags": "+bitexact", "movflags": "+faststart"}  # no muxer version in the file
X264 = {"crf": "24", "preset": "veryslow", "threads": "1"}  # one thread: the same bytes on every machine
SOUND_BIT_RATE = 40_000
Packets: TypeAlias = "Iterator[tuple[float, list[av.Packet[Any]]]]"  # when their content begins, in seconds

MILLISECOND = Fraction(1, 1000)
TURN = {1: None, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}  # EXIF value → how to store it
PHOTO_HEIGHT = 480  # px
QUALITY = {".heic": 60}  # the same looks cost HEIC less


def make_clip(clip: Clip, pictures: dict[str, Image.Image], out: Path) -> dict[str, Any]:
    """Encode a film."""
    path = out / clip.path
    path.parent.mkdir(parents=True, exist_ok=True)
    starts = boundaries_us(clip)
    track, said = soundtrack(clip.spoken if clip.has_sound else (), starts[-1] / 1e6)
    with av.open(str(path), "w", options=BITEXACT) as container:
        container.metadata.update(circumstances(clip.taken))
        video = add_video(container, clip)
        sound: Packets = iter(())
        if clip.has_sound:
            audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono", bit_rate=SOUND_BIT_RATE)
            sound = sound_packets(track, audio)
        interleave(container, video_packets(clip, pictures, video), sound)
    entry = about_file(path, out) | about_taken(clip.taken, names_camera=path.suffix == ".mov")
    entry |= {"kind": "video", "width": clip.size[0], "height": clip.size[1], "rotation": clip.turned}
    entry |= {"end_us": starts[-1], "has_sound": clip.has_sound, "counter": clip.counter}
    return entry | about_shots(clip, starts) | {"speech": said}


def add_video(container: av.container.OutputContainer, clip: Clip) -> av.VideoStream:
    """An H.264 stream; a film with a beat counts in milliseconds."""
    stream = container.add_stream("libx264", rate=clip.rate, options=X264)
    stored = clip.size[::-1] if clip.turned else clip.size
    stream.width, stream.height, stream.pix_fmt = *stored, "yuv420p"
    if clip.beat_ms:
        stream.codec_context.time_base = MILLISECOND
    if clip.turned:
        stream.set_display_rotation(-clip.turned)  # PyAV counts counter-clockwise
    return stream


def video_packets(clip: Clip, pictures: dict[str, Image.Image], stream: av.VideoStream) -> Packets:
    """Encoded pictures."""
    base = MILLISECOND if clip.beat_ms else 1 / clip.rate
    for number, (at_us, picture) in enumerate(timed(clip, pictures)):
        stored = picture.rotate(clip.turned, expand=True) if clip.turned else picture
        frame = av.VideoFrame.from_ndarray(np.asarray(stored), format="rgb24")
        frame.time_base = base
        frame.pts = at_us // 1000 if clip.beat_ms else number
        yield at_us / 1e6, stream.encode(frame)
    yield float("inf"), stream.encode(None)


def interleave(container: av.container.OutputContainer, pictures: Packets, sound: Packets) -> None:
    """Mux both in the order of time."""
    heard = next(sound, None)
    for at_s, packets in pictures:
        while heard and heard[0] <= at_s:
            container.mux(heard[1])
            heard = next(sound, None)
        container.mux(packets)


def boundaries_us(clip: Clip) -> list[int]:
    """Where each shot begins (amid the held frames of a fade), then where the film ends."""
    starts, frame = [], 0
    for shot in clip.shots:
        held = (shot.enter or Fade()).held
        starts.append(moment_us(clip, frame + held // 2))
        frame += held + shot.frames
    return [*starts, moment_us(clip, frame)]


def about_shots(clip: Clip, starts: list[int]) -> dict[str, Any]:
    """Scenes, fades, flashes and written words with their times."""
    scenes: list[dict[str, Any]] = []
    fades, flashes, writing, frame = [], [], [], 0
    for shot, (start_us, end_us) in zip(clip.shots, pairwise(starts), strict=True):
        span = {"start_us": start_us, "end_us": end_us}
        fade = shot.enter or Fade()
        if shot.enter:
            first, frame = frame - fade.out, frame + fade.held
            fades.append(about_fade(clip, fade, first, frame + fade.into))
        if shot.flash_at is not None:
            begin = frame + shot.flash_at
            flashes.append({"start_us": moment_us(clip, begin), "end_us": moment_us(clip, begin + 2)})
        writing += [{**span, "text": line} for line in shot.lines]
        enter = "start" if not scenes else "fade" if shot.enter else "cut"
        scenes.append({**span, "subject": shot.source or "title card", "shows": shot.shows})
        scenes[-1] |= {"move": shot.move, "enter": enter}
        frame += shot.frames
    if clip.fade_out:
        fades.append(about_fade(clip, Fade(), frame - clip.fade_out, frame))
    return {"scenes": scenes, "fades": fades, "flashes": flashes, "writing": writing}


def about_fade(clip: Clip, fade: Fade, first: int, end: int) -> dict[str, Any]:
    """A fade from its first changed frame to its last."""
    colour = "white" if fade.colour[0] else "black"
    return {"start_us": moment_us(clip, first), "end_us": moment_us(clip, end), "through": colour}


def make_recording(recording: Recording, out: Path) -> dict[str, Any]:
    """Encode sound without pictures."""
    path = out / recording.path
    track, said = soundtrack(recording.spoken, recording.seconds)
    with av.open(str(path), "w", format="ipod", options=BITEXACT) as container:
        container.metadata.update(circumstances(recording.taken))
        stream = container.add_stream("aac", rate=SOUND_RATE, layout="mono", bit_rate=SOUND_BIT_RATE)
        for _, packets in sound_packets(track, stream):
            container.mux(packets)
    entry = about_file(path, out) | about_taken(recording.taken, names_camera=False)
    entry |= {"kind": "audio", "end_us": round(recording.seconds * 1_000_000), "has_sound": True}
    return entry | {"scenes": [], "speech": said}


def make_photo(photo: Photo, pictures: dict[str, Image.Image], out: Path) -> dict[str, Any]:
    """Save a photo in the format of its name."""
    path = out / photo.path
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = look(pictures[photo.source], photo.view, (round(PHOTO_HEIGHT * photo.aspect), PHOTO_HEIGHT))
    size = picture.size
    turn = TURN[photo.orientation]
    if turn is not None:
        picture = picture.transpose(turn)
    exif = exif_of(photo.taken, photo.orientation) if photo.taken else Image.Exif()
    picture.save(path, quality=QUALITY.get(path.suffix, 86), exif=exif.tobytes())
    entry = about_file(path, out) | (about_taken(photo.taken, names_camera=True) if photo.taken else {})
    entry |= {"kind": "photo", "width": size[0], "height": size[1], "orientation": photo.orientation}
    scene = {"start_us": 0, "end_us": 0, "subject": photo.source, "shows": photo.shows}
    return entry | {"scenes": [scene]}


def circumstances(taken: Taken) -> dict[str, str]:
    """A film's own notes on when, with what and where it was taken."""
    place = f"{taken.latitude:+08.4f}{taken.longitude:+09.4f}/"  # ISO 6709
    make, model = taken.camera
    at = taken.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return {"creation_time": at, "location": place, "make": make, "model": model}


def exif_of(taken: Taken, orientation: int) -> Image.Exif:
    """The same for a photo (EXIF 2.32), with the way to turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F], exif[0x0110] = taken.camera
    details = exif.get_ifd(0x8769)
    details[0x9003] = taken.at.strftime("%Y:%m:%d %H:%M:%S")
    details[0x9011] = taken.at.strftime("%z")[:3] + ":" + taken.at.strftime("%z")[3:]
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N" if taken.latitude >= 0 else "S", sexagesimal(taken.latitude)
    place[3], place[4] = "E" if taken.longitude >= 0 else "W", sexagesimal(taken.longitude)
    return exif


def sexagesimal(degrees: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds without the sign."""
    minutes, seconds = divmod(round(abs(degrees) * 3600, 2), 60)
    return minutes // 60, minutes % 60, round(seconds, 2)


def about_file(path: Path, out: Path) -> dict[str, Any]:
    """Which file, and its checksum."""
    return {"path": path.relative_to(out).as_posix(), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def about_taken(taken: Taken, *, names_camera: bool) -> dict[str, Any]:
    """The made-up circumstances as far as the file tells them (an MP4 has no place for the camera)."""
    camera = {"camera": " ".join(taken.camera)} if names_camera else {}
    place = {"latitude": taken.latitude, "longitude": taken.longitude}
    return {"captured_at": taken.at.isoformat()} | camera | place
