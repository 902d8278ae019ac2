"""What a film or a sound says about itself, and where its clock begins (decision 0003)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from heimdex.entities import Facts, Kind
from heimdex.errors import DamagedFile, UnknownFormat
from heimdex.media.clock import MICROSECONDS, WRAPPING, Splice, to_us
from heimdex.media.files import open_original
from heimdex.media.formats import FORMATS
from heimdex.media.photo import guard_pixels
from heimdex.media.render import display_size, orientation, transfer_of
from heimdex.media.streams import FRAME_PIXELS_LIMIT, NOT_FILM, Chosen, choose, foreign, only, opened, packets
from heimdex.media.tags import captured_at, film_camera, film_place

# Their headers hold a duration one can rely on; all others are measured packet by packet.
TRUSTED_DURATION = frozenset(
    {"mp4", "mov", "matroska", "webm", "avi", "asf", "flv", "mxf", "ogg", "wav", "w64", "aiff", "flac", "caf"}
    | {"wv", "ape", "tta", "au"}
)
# Where animated pictures keep their width and height
PICTURE_HEADERS = {"animated-gif": (6, "<HH"), "animated-png": (16, ">II")}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Firsts:
    """The first picture and the first sound that come out of the decoders."""

    picture: VideoFrame | None
    picture_us: int | None  # on the streams' own clock
    sound_us: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Extent:
    """How far a file reaches, measured over its packets."""

    end_us: int  # on the streams' own clock
    breaks: int


def film_facts(path: bytes, name: str, *, max_pixels: int) -> Facts:
    """The facts of a film or a sound of format `name`; decodes its first picture and its first sound.

    A frame of a film may have `max_pixels`, but never more than FRAME_PIXELS_LIMIT: a decoder holds many.

    Raises UnreadableFile, DamagedFile (no stream can be decoded), OversizedPicture, UnknownFormat (a codec
    this build does not have, or neither picture nor sound).
    """
    max_pixels = min(max_pixels, FRAME_PIXELS_LIMIT)
    _guard_header(path, name, max_pixels)
    with opened(path, name, max_pixels=max_pixels) as container:
        chosen = choose(container)
        _require_streams(container, chosen, name)
        if chosen.video is not None and chosen.video.codec_context.width > 0:
            guard_pixels(chosen.video.codec_context.width, chosen.video.codec_context.height, max_pixels)
        firsts = _firsts(container, chosen, name, max_pixels)
        zero_us = _zero(chosen, firsts, name)
        end_us = _stated_end(container, chosen, firsts, name)
        facts = _described(container, chosen, firsts, name)
    breaks = False
    if end_us is None:
        extent = _measured(path, name, max_pixels)
        end_us, breaks = extent.end_us, extent.breaks > 0
    return replace(
        facts,
        zero_us=zero_us,
        duration_us=max(0, end_us - zero_us),
        video_offset_us=None if firsts.picture_us is None else firsts.picture_us - zero_us,
        audio_offset_us=None if firsts.sound_us is None else firsts.sound_us - zero_us,
        clock_breaks=breaks,
    )


def _guard_header(path: bytes, name: str, max_pixels: int) -> None:
    """Animated pictures say their size up front; libav would only say that it could not decode them."""
    if name not in PICTURE_HEADERS:
        return
    offset, layout = PICTURE_HEADERS[name]
    with open_original(path) as file:
        head = file.read(offset + 8)
    if len(head) == offset + 8:
        width, height = struct.unpack_from(layout, head, offset)
        guard_pixels(width, height, max_pixels)


def _require_streams(container: InputContainer, chosen: Chosen, name: str) -> None:
    """A film whose picture cannot be decoded is refused, not taken for a sound."""
    if chosen.video is not None:
        return
    if any(not stream.disposition & NOT_FILM for stream in container.streams.video):
        raise UnknownFormat(
            "its picture is coded in a way that cannot be decoded here (a rare codec, or encrypted); "
            "convert it to H.264 or another common codec"
        )
    if chosen.audio is None:
        raise UnknownFormat(
            f"this {FORMATS[name].title} file has neither picture nor sound; there is nothing to index in it"
        )


def _firsts(container: InputContainer, chosen: Chosen, name: str, max_pixels: int) -> _Firsts:
    """Decodes until both streams have given something, or the file ends."""
    picture: VideoFrame | None = None
    sound_us: int | None = None
    streams = [stream for stream in (chosen.video, chosen.audio) if stream is not None]
    waiting = {stream.index for stream in streams}
    only(container, *streams)
    try:
        for packet in packets(container, *streams):
            if packet.stream_index not in waiting:
                continue
            frame = _first_frame(packet)
            if frame is None:
                continue
            waiting.discard(packet.stream_index)
            if isinstance(frame, VideoFrame):
                picture = frame
            else:
                sound_us = _frame_us(frame, chosen.audio)
            if not waiting:
                break
    except av.FFmpegError as err:
        if picture is None and sound_us is None:
            raise foreign(err, name) from err
    if chosen.video is not None and picture is None:
        _refuse_pictureless(chosen.video, name, max_pixels)
    if chosen.video is None and sound_us is None:
        raise DamagedFile(
            f"the sound of this {FORMATS[name].title} file cannot be decoded; copy it again from its source"
        )
    picture_us = None if picture is None else _frame_us(picture, chosen.video)
    return _Firsts(picture=picture, picture_us=picture_us, sound_us=sound_us)


def _first_frame(packet: Packet[Stream]) -> VideoFrame | AudioFrame | None:
    try:
        decoded = packet.decode()
    except av.FFmpegError:
        return None  # damage at the start; perhaps a later packet can be decoded
    frame = decoded[0] if decoded else None
    return frame if isinstance(frame, (VideoFrame, AudioFrame)) else None


def _refuse_pictureless(stream: VideoStream, name: str, max_pixels: int) -> NoReturn:
    context = stream.codec_context
    if context.width * context.height > max_pixels:
        guard_pixels(context.width, context.height, max_pixels)
    raise DamagedFile(
        f"not one frame of this {FORMATS[name].title} file can be decoded: it is cut off, damaged, or has "
        f"more than {max_pixels:,} pixels a frame; copy it again from where it came"
    )


def _frame_us(frame: VideoFrame | AudioFrame, stream: VideoStream | AudioStream | None) -> int:
    ticks = frame.pts if frame.pts is not None else frame.dts
    if ticks is None and stream is not None:
        ticks = stream.start_time
    time_base = frame.time_base or (stream.time_base if stream is not None else None)
    return to_us(ticks, time_base) if ticks is not None and time_base else 0


def _zero(chosen: Chosen, firsts: _Firsts, name: str) -> int:
    """The earliest presentation over the chosen streams.

    In a recording (MPEG streams) the demuxer's start of the picture counts even where the first frames cannot
    be decoded because it was cut into in the middle of a group of pictures, as in players. Sound counts from
    the first sample heard: the priming that encoders put before it is skipped by the decoder.
    """
    starts = [us for us in (firsts.picture_us, firsts.sound_us) if us is not None]
    video = chosen.video
    if name in WRAPPING and video is not None and video.start_time is not None and video.time_base:
        starts.append(to_us(video.start_time, video.time_base))
    return min(starts, default=0)


def _stated_end(container: InputContainer, chosen: Chosen, firsts: _Firsts, name: str) -> int | None:
    """Where the header says that the chosen streams end; None where that must be measured."""
    if name not in TRUSTED_DURATION:
        return None
    ends = [
        first_us + to_us(stream.duration, stream.time_base)
        for stream, first_us in ((chosen.video, firsts.picture_us), (chosen.audio, firsts.sound_us))
        if stream is not None and stream.duration and stream.time_base and first_us is not None
    ]
    if ends:
        return max(ends)
    if name in ("mp4", "mov") or not container.duration or container.duration <= 0:
        return None  # a fragmented film, or a live recording that nobody closed
    return container.duration


def _measured(path: bytes, name: str, max_pixels: int) -> _Extent:
    """Walks over all packets of the chosen streams without decoding any."""
    end_us: int | None = None
    with opened(path, name, max_pixels=max_pixels) as container:
        chosen = choose(container)
        streams = [stream for stream in (chosen.video, chosen.audio) if stream is not None]
        only(container, *streams)
        lead = streams[0]
        splice = Splice(lead.time_base) if name in WRAPPING and lead.time_base else None
        nominal_us = _nominal_us(chosen.video)
        with suppress(av.FFmpegError):  # as far as it can be read
            for packet in packets(container, *streams):
                if packet.size == 0 or not packet.time_base:
                    continue
                if splice is not None and packet.stream_index == lead.index:
                    splice.feed(packet.dts, packet.duration or 0)
                lasts_us = to_us(packet.duration, packet.time_base) if packet.duration else nominal_us
                if packet.pts is None:  # a raw stream: no clock but the packets themselves
                    end_us = (end_us or 0) + lasts_us
                    continue
                shown = packet.pts + (splice.offset if splice is not None else 0)
                until_us = to_us(shown, packet.time_base) + lasts_us
                end_us = until_us if end_us is None else max(end_us, until_us)
    return _Extent(end_us=end_us or 0, breaks=splice.breaks if splice is not None else 0)


def _nominal_us(stream: VideoStream | None) -> int:
    rate = stream.average_rate if stream is not None else None
    return round(MICROSECONDS / rate) if rate else 0


def _described(container: InputContainer, chosen: Chosen, firsts: _Firsts, name: str) -> Facts:
    """Everything but the times."""
    tags = _tags(container, chosen)
    latitude, longitude = film_place(tags) or (None, None)
    facts = Facts(
        kind=Kind.AUDIO,
        container=name,
        audio_codec=_codec(chosen.audio),
        captured_at=captured_at(tags),
        camera=film_camera(tags),
        latitude=latitude,
        longitude=longitude,
    )
    if chosen.video is None or firsts.picture is None:
        return facts
    frame = firsts.picture
    turn = orientation(frame)
    width, height = display_size(frame.width, frame.height, chosen.video.sample_aspect_ratio)
    if turn.quarter_turns % 2:
        width, height = height, width
    rate = chosen.video.average_rate or chosen.video.guessed_rate
    return replace(
        facts,
        kind=Kind.VIDEO,
        video_codec=_codec(chosen.video),
        width=width,
        height=height,
        rotation=turn.quarter_turns * 90,
        frame_rate=float(rate) if rate else None,
        interlaced=frame.interlaced_frame,
        transfer=transfer_of(frame),
    )


def _codec(stream: VideoStream | AudioStream | None) -> str | None:
    return None if stream is None else stream.codec_context.codec.canonical_name


def _tags(container: InputContainer, chosen: Chosen) -> Mapping[str, str]:
    """The container's tags over those of the film stream."""
    return {**(chosen.video.metadata if chosen.video is not None else {}), **container.metadata}
