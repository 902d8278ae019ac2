"""Films and sounds are opened here, by the demuxer that recognition named, and their streams chosen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from heimdex.errors import DamagedFile, MediaError
from heimdex.media.files import open_original, unreadable
from heimdex.media.formats import FORMATS

FRAME_PIXELS_LIMIT = 1 << 26  # 8192 × 8192; decoders hold a dozen frames at once
NOT_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The streams an asset is made of: the best picture and the sound that goes with it."""

    video: VideoStream | None
    audio: AudioStream | None


@contextmanager
def opened(path: bytes, name: str, *, max_pixels: int) -> Iterator[InputContainer]:
    """The container, read by the demuxer of format `name` and by no other, from this file and no other.

    A playlist or a stream address in a film's clothes therefore opens nothing. `max_pixels` bounds what a
    decoder may allocate for one frame. Raises UnreadableFile, DamagedFile.
    """
    with open_original(path):
        pass  # regular and readable: libavformat opens by name and would wait on a pipe
    options = {"protocol_whitelist": "file", "max_pixels": str(max_pixels)}
    try:
        container = av.open(
            "file:" + os.fsdecode(os.path.abspath(path)),
            mode="r",
            format=FORMATS[name].demuxer,
            options=options,
            metadata_errors="replace",
        )
    except (OSError, ValueError, av.FFmpegError) as err:
        raise foreign(err, name) from err
    try:
        yield container
    finally:
        container.close()


def choose(container: InputContainer) -> Chosen:
    """The largest film stream (one marked default before others, cover art never) and the sound beside it."""
    videos = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & NOT_FILM
    ]
    video = max(videos, key=_worth, default=None)
    audio = container.streams.best("audio", related=video)
    if not isinstance(audio, AudioStream) or audio.codec_context is None:
        audio = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
    return Chosen(video=video, audio=audio)


def only(container: InputContainer, *wanted: VideoStream | AudioStream | None) -> None:
    """Lets the demuxer skip every other stream."""
    indexes = {stream.index for stream in wanted if stream is not None}
    for stream in container.streams:
        if stream.index not in indexes:
            stream.discard = Discard.all


def packets(
    container: InputContainer, *streams: VideoStream | AudioStream | SubtitleStream
) -> Iterator[Packet[Stream]]:
    """The packets of these streams to the end of the file, then an empty one for each to drain it."""
    with suppress(IndexError):  # PyAV trips there over streams that appeared on the way
        yield from container.demux(*streams)


def foreign(err: Exception, name: str) -> MediaError:
    """What libav's error means for the owner of the file, whose first bytes could be read before."""
    if isinstance(err, (av.FileNotFoundError, av.PermissionError)):
        return unreadable(err)
    return DamagedFile(
        f"is a damaged or incomplete {FORMATS[name].title} file: its index or first frames cannot be read; "
        "copy it again from where it came"
    )


def _worth(stream: VideoStream) -> tuple[bool, bool, int, int]:
    context = stream.codec_context
    default = bool(stream.disposition & Disposition.default)
    moving = stream.frames != 1  # an animated AVIF has a still beside it; 0 = nobody counted
    return moving, default, context.width * context.height, -stream.index
