"""Films with subtitle tracks inside, made without any program but PyAV."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet
from av.video.stream import VideoStream

MILLISECOND = Fraction(1, 1000)
FIELDS = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
    "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, "
    "MarginL, MarginR, MarginV, Encoding"
)
NO_DISPOSITION = Disposition(0)
HEADER = (
    f"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: {FIELDS}\n"
    "Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """A subtitle track. `cues` are (from ms, to ms, text with ASS markup)."""

    codec: str
    cues: tuple[tuple[int, int, str], ...]
    language: str = "eng"
    title: str | None = None
    disposition: Disposition = NO_DISPOSITION


def with_tracks(film: Path, target: Path, tracks: Sequence[Written], *, spoken: str | None = None) -> bytes:
    """A copy of a film with these tracks; `spoken` is the language its sound is said to have."""
    with av.open(str(film)) as source, av.open(str(target), "w") as container:
        copies = {}
        for stream in source.streams:
            assert isinstance(stream, (VideoStream, AudioStream))
            copies[stream.index] = container.add_stream_from_template(stream)
            if spoken is not None and isinstance(stream, AudioStream):
                copies[stream.index].metadata["language"] = spoken
        added = []
        for track in tracks:
            stream = container.add_stream(track.codec)
            assert isinstance(stream, SubtitleStream)
            stream.metadata["language"] = track.language
            if track.title is not None:
                stream.metadata["title"] = track.title
            stream.disposition = track.disposition
            stream.codec_context.subtitle_header = HEADER.encode()
            stream.codec_context.time_base = MILLISECOND
            added.append(stream)
        for packet in source.demux(*source.streams):
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                container.mux(packet)
        for stream, track in zip(added, tracks, strict=True):
            for number, (begins, ends, text) in enumerate(track.cues):
                line = f"{number},0,Default,,0,0,0,,{text}".encode()
                packet = stream.codec_context.encode_subtitle(
                    SubtitleSet.create(line, 0, ends - begins, begins)
                )
                packet.stream = stream
                packet.time_base = MILLISECOND
                packet.pts = packet.dts = begins
                packet.duration = ends - begins
                container.mux(packet)
    return os.fsencode(target)
