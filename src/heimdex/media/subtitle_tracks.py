"""Subtitles inside a film: text tracks become cues on the asset's clock, tracks of pictures are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

from heimdex.entities import Facts
from heimdex.media.clock import WRAPPING, Clock, to_us
from heimdex.media.decoding import READ_ERRORS_LIMIT
from heimdex.media.languages import language_of
from heimdex.media.streams import FRAME_PIXELS_LIMIT, choose, opened, packets
from heimdex.media.subtitle_cues import CUES_LIMIT, Cue
from heimdex.media.subtitle_names import FORCED
from heimdex.media.subtitle_text import spoken

ASS_FIELDS = 8  # ReadOrder, Layer, Style, Name, three margins, Effect: then the text


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """A subtitle track as the container has it."""

    origin: str  # "track 2", counted among the file's subtitles
    language: str | None
    title: str | None
    default: bool
    forced: bool
    hearing_impaired: bool
    commentary: bool
    cues: tuple[Cue, ...]
    note: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """The subtitle tracks of a file, and the language its chosen sound is said to have."""

    tracks: tuple[Embedded, ...]
    spoken: str | None


def tracks_inside(path: bytes, facts: Facts) -> Inside:
    """All subtitle tracks of a film, read in one walk over its packets.

    Raises UnreadableFile, DamagedFile where the container cannot be opened. What cannot be decoded in a track
    is left out and noted.
    """
    with opened(path, facts.container, max_pixels=FRAME_PIXELS_LIMIT) as container:
        audio = choose(container).audio
        language = language_of(audio.metadata.get("language")) if audio is not None else None
        streams = [stream for stream in container.streams.subtitles if isinstance(stream, SubtitleStream)]
        readers = {
            stream.index: _Reader(stream, number, facts) for number, stream in enumerate(streams, start=1)
        }
        texts = [stream for stream in streams if readers[stream.index].is_text]
        if texts:
            for stream in container.streams:
                if stream not in texts:
                    stream.discard = Discard.all
            for packet in _survived(container, texts):
                readers[packet.stream_index].take(packet)
        return Inside(tracks=tuple(reader.track() for reader in readers.values()), spoken=language)


def _survived(container: InputContainer, streams: list[SubtitleStream]) -> Iterator[Packet[Stream]]:
    errors = 0
    while errors < READ_ERRORS_LIMIT:
        try:
            for packet in packets(container, *streams):
                errors = 0
                if packet.size:
                    yield packet
        except av.FFmpegError:
            errors += 1
        else:
            return


class _Reader:
    """One track being read."""

    def __init__(self, stream: SubtitleStream, number: int, facts: Facts) -> None:
        self._stream = stream
        self._number = number
        context = stream.codec_context
        codec = context.codec if context is not None else None
        self.is_text = codec is not None and codec.text_sub and stream.time_base is not None
        self._name = stream.name if codec is not None else "unknown"
        self._clock = (
            None
            if stream.time_base is None
            else Clock(time_base=stream.time_base, zero_us=facts.zero_us, wraps=facts.container in WRAPPING)
        )
        self._cues: list[Cue] = []
        self._lost = 0

    def take(self, packet: Packet[Stream]) -> None:
        """Decode a packet; one may hold several lines, which are shown together."""
        ticks = packet.pts if packet.pts is not None else packet.dts
        if self._clock is None or ticks is None or len(self._cues) >= CUES_LIMIT:
            self._lost += 1
            return
        try:
            decoded = self._stream.codec_context.decode2(packet)
        except (av.FFmpegError, ValueError):
            self._lost += 1
            return
        texts = [_text(part) for part in decoded or () if isinstance(part, AssSubtitle)]
        text = "\n".join(filter(None, map(spoken, texts)))
        if text:
            start_us = self._clock.at_us(ticks)
            lasts_us = to_us(packet.duration or 0, self._clock.time_base)
            self._cues.append(Cue(start_us=start_us, end_us=start_us + lasts_us, text=text))

    def track(self) -> Embedded:
        """What was read."""
        disposition, metadata = self._stream.disposition, self._stream.metadata
        title = metadata.get("title") or None
        words = set((title or "").casefold().replace("&", " ").split())
        return Embedded(
            origin=f"track {self._number}",
            language=language_of(metadata.get("language")),
            title=title,
            default=bool(disposition & Disposition.default),
            forced=bool(disposition & Disposition.forced) or bool(words & FORCED),
            hearing_impaired=bool(disposition & Disposition.hearing_impaired) or "sdh" in words,
            commentary=bool(disposition & Disposition.comment) or "commentary" in words,
            cues=tuple(self._cues),
            note=self._note(),
        )

    def _note(self) -> str | None:
        if not self.is_text:
            return f"holds pictures of text ({self._name}), which cannot be read"
        return f"{self._lost} damaged subtitles were left out" if self._lost else None


def _text(part: AssSubtitle) -> str:
    """The text of a line; libavcodec writes every kind of text as ASS."""
    line = part.ass.decode("utf-8", "replace")
    fields = line.split(",", ASS_FIELDS)
    return fields[-1] if len(fields) > ASS_FIELDS else line
