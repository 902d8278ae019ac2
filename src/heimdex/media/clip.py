"""A stretch of a film or a recording as a file of its own, its packets copied as they are.

Nothing is decoded, so nothing is lost. Pictures lean on those before them, so the copy begins at the key
frame at or before the start; the container's edit list (ISO/IEC 14496-12, `elst`) tells players to begin at
the start itself. What MP4 cannot hold goes into Matroska, which has no such list: there the stretch begins at
the key frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from heimdex.entities import Facts
from heimdex.errors import DamagedFile, StorageFull, StoreError, UnknownFormat
from heimdex.media.clock import WRAPPING, Clock
from heimdex.media.recognise import recognise
from heimdex.media.streams import FRAME_PIXELS_LIMIT, choose, only, opened

MP4_CODECS = frozenset(
    {"h264", "hevc", "av1", "mpeg4", "vp9", "aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}
)
MP4, MATROSKA = "mp4", "matroska"


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """What was cut. `begins_us`, on the asset's clock, is its first key frame: at or before the start."""

    container: str  # "mp4" | "matroska"
    begins_us: int
    packets: int


def container_for(facts: Facts) -> str:
    """What can hold the streams of a file."""
    codecs = {codec for codec in (facts.video_codec, facts.audio_codec) if codec is not None}
    return MP4 if codecs <= MP4_CODECS else MATROSKA


def cut(path: bytes, facts: Facts, target: Path, start_us: int, end_us: int) -> Clip:
    """Copy [start_us, end_us) of the film at `path` to `target`.

    Raises UnreadableFile, DamagedFile (no picture or sound in that stretch), UnknownFormat (no film, or a
    clock that starts over on the way, in which no place can be sought), StorageFull, StoreError.
    """
    recognised = recognise(path)
    if recognised is None or facts.clock_breaks:
        raise UnknownFormat("no clip can be cut out of this file: its clock starts over on the way")
    with opened(path, recognised.format, max_pixels=FRAME_PIXELS_LIMIT) as source:
        chosen = choose(source)
        streams: list[Any] = [stream for stream in (chosen.video, chosen.audio) if stream is not None]
        if not streams:
            raise DamagedFile("its picture and sound cannot be found any more; index the file again")
        only(source, *streams)
        clocks = {stream.index: _clock(stream, facts) for stream in streams}
        lead = streams[0]
        with suppress(av.FFmpegError):  # before the first key frame: then from the beginning
            source.seek(clocks[lead.index].ticks(start_us), stream=lead, backward=True)
        wanted = _Stretch(lead.index, clocks, start_us, end_us)
        container = container_for(facts)
        try:
            with av.open(str(target), "w", format=container) as sink:
                count = _copy(wanted.packets(source.demux(*streams)), sink, streams, wanted)
        except OSError as error:
            if isinstance(error, av.FFmpegError) and error.errno != 28:
                raise DamagedFile(
                    f"the clip cannot be copied ({error.strerror}); index the file again"
                ) from error
            if error.errno == 28:
                raise StorageFull("no space is left for the clip; free some and try again") from error
            raise StoreError(f"the clip cannot be written: {error.strerror}") from error
    if not wanted.reached or wanted.begins_us is None:
        raise DamagedFile("there is nothing to copy between these moments; they lie behind the file's end")
    return Clip(container=container, begins_us=wanted.begins_us, packets=count)


class _Stretch:
    """Which packets belong to a stretch, and when it begins."""

    def __init__(self, lead: int, clocks: dict[int, Clock], start_us: int, end_us: int) -> None:
        self._lead, self._clocks = lead, clocks
        self._start_us, self._end_us = start_us, end_us
        self.begins_us: int | None = None
        self.reached = False  # something of the stretch itself was met, not only its run-up

    def packets(self, source: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
        """From the lead's key frame on, up to the end in every stream."""
        over: set[int] = set()
        for packet in source:
            moment = packet.pts if packet.pts is not None else packet.dts
            if packet.size == 0 or moment is None or packet.stream_index in over:
                continue
            clock = self._clocks[packet.stream_index]
            # Decoding times rise, presentation times do not: a picture after the end may be decoded before
            # it, because B-frames of the stretch lean on it. It comes along; the clip ends a little late.
            decoded_us = clock.at_us(packet.dts if packet.dts is not None else moment)
            if decoded_us >= self._end_us:
                over.add(packet.stream_index)
                if len(over) == len(self._clocks):
                    return
                continue
            at_us = clock.at_us(moment)
            if packet.stream_index == self._lead and self.begins_us is None:
                if not packet.is_keyframe:
                    continue
                self.begins_us = at_us
            if packet.stream_index != self._lead and at_us < self._start_us:
                continue  # sound needs no run-up
            self.reached |= clock.at_us(moment + (packet.duration or 1)) > self._start_us
            yield packet

    def origin_ticks(self, packet: Packet[Any]) -> int:
        """The tick, in a packet's stream, of the moment that is 0 in the clip."""
        return self._clocks[packet.stream_index].ticks(self._start_us)


def _copy(packets: Iterator[Packet[Any]], sink: OutputContainer, streams: list[Any], wanted: _Stretch) -> int:
    copies: dict[int, Stream] = {stream.index: sink.add_stream_from_template(stream) for stream in streams}
    count = 0
    for packet in packets:
        origin = wanted.origin_ticks(packet)
        packet.pts = None if packet.pts is None else packet.pts - origin
        packet.dts = None if packet.dts is None else packet.dts - origin
        packet.stream = copies[packet.stream_index]
        sink.mux(packet)
        count += 1
    return count


def _clock(stream: Any, facts: Facts) -> Clock:
    return Clock(
        time_base=Fraction(stream.time_base), zero_us=facts.zero_us, wraps=facts.container in WRAPPING
    )
