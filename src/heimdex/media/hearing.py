"""Packets become decoded sound with times: the part of a sound pass that deals with libav and with damage."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from heimdex.entities import Facts
from heimdex.media.clock import AHEAD_S, BACK_S, MICROSECONDS, WRAPPING, Clock, Splice, to_us
from heimdex.media.decoding import READ_ERRORS_LIMIT
from heimdex.media.streams import choose, only, packets

PARKED_PACKETS = 256  # of sound that is ahead of the picture's new clock: a transport stream holds back 0.7 s


@dataclass(kw_only=True, slots=True)
class SoundReport:
    """What a pass over a sound met on its way. Filled while the pieces are read."""

    silence_us: int = 0  # put in where the timestamps leave a gap
    decoded_until_us: int = 0
    corrupt_frames: int = 0  # decoded, but with errors concealed
    lost_packets: int = 0  # could not be decoded at all
    read_errors: int = 0  # of the container
    ended_early: bool = False  # clearly before the duration that the file states

    @property
    def damaged(self) -> bool:
        """Whether anything was lost."""
        return bool(self.corrupt_frames or self.lost_packets or self.read_errors or self.ended_early)

    @property
    def note(self) -> str | None:
        """What was lost, for people; None where nothing was."""
        if not self.damaged:
            return None
        parts = [f"sound up to {self.decoded_until_us / MICROSECONDS:.1f} s was decoded"]
        if self.ended_early:
            parts.append("it ends before its stated duration")
        lost = self.lost_packets + self.read_errors
        if lost:
            parts.append(f"{lost} damaged packets of sound were skipped")
        if self.corrupt_frames:
            parts.append(f"{self.corrupt_frames} pieces of sound are damaged")
        return "; ".join(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A decoded frame of sound and when it is heard; `at_us` is None where nothing in the file says so."""

    frame: AudioFrame
    at_us: int | None


class Hearing:
    """One sound stream being decoded, from its start or from a place that was sought."""

    def __init__(
        self, container: InputContainer, stream: AudioStream, facts: Facts, report: SoundReport
    ) -> None:
        assert stream.time_base is not None
        # Where the clock starts over, the picture tells where it goes on: both have to keep step.
        self._lead = choose(container).video if facts.clock_breaks else None
        only(container, stream, self._lead)
        self._container, self._stream, self._report = container, stream, report
        self._mends = facts.clock_breaks
        self._clock = Clock(
            time_base=stream.time_base, zero_us=facts.zero_us, wraps=facts.container in WRAPPING
        )

    @property
    def stated_end_us(self) -> int:
        """Where the sound should end, 0 where nothing says so."""
        if not self._stream.duration or self._clock.wraps:
            return 0
        start = self._stream.start_time or 0
        return self._clock.at_us(start) + to_us(self._stream.duration, self._clock.time_base)

    def seek(self, at_us: int) -> bool:
        """Go to a packet before a time; False where the container cannot."""
        try:
            self._container.seek(self._clock.ticks(at_us), stream=self._stream, backward=True)
        except av.FFmpegError:
            return False
        return True

    def frames(self) -> Iterator[Heard]:
        """Every frame that can be decoded, in file order."""
        context, report = self._stream.codec_context, self._report
        for packet in self._own_packets():
            try:
                decoded = context.decode(packet)
            except av.BlockingIOError:  # the decoder is stuck on an earlier error
                context.flush_buffers()
                report.lost_packets += 1
                continue
            except av.EOFError:  # drained twice
                continue
            except (av.FFmpegError, ValueError):
                report.lost_packets += 1
                continue
            for frame in decoded:
                if isinstance(frame, AudioFrame) and frame.samples and frame.sample_rate > 0:
                    report.corrupt_frames += frame.is_corrupt
                    ticks = frame.pts if frame.pts is not None else frame.dts
                    at_us = None if ticks is None else self._at_us(frame, ticks)
                    yield Heard(frame=frame, at_us=at_us)

    def _at_us(self, frame: AudioFrame, ticks: int) -> int:
        """Decoders that trim priming may count in samples instead of the stream's ticks."""
        own, stream = frame.time_base, self._clock.time_base
        if own is None or own == stream or not own:
            return self._clock.at_us(ticks)
        return self._clock.at_us(round(ticks * own / stream))

    def _own_packets(self) -> Iterator[Packet[Stream]]:
        source = self._survived()
        if self._mends:
            splice = Splice(self._clock.time_base)
            source = (
                self._following(source, self._lead) if self._lead is not None else _mended(source, splice)
            )
        yield from source
        yield Packet()  # an empty packet drains the decoder

    def _survived(self) -> Iterator[Packet[Stream]]:
        """The packets, going on after a read error as long as something still comes."""
        streams = [stream for stream in (self._stream, self._lead) if stream is not None]
        errors = 0
        while errors < READ_ERRORS_LIMIT:
            try:
                for packet in packets(self._container, *streams):
                    errors = 0
                    if packet.size:
                        yield packet
            except av.FFmpegError:
                errors += 1
                self._report.read_errors += 1
            else:
                return

    def _following(self, source: Iterator[Packet[Stream]], lead: VideoStream) -> Iterator[Packet[Stream]]:
        """The sound's packets on the clock that the picture's packets mend.

        Around the place where the clock starts over the two streams are interleaved: sound of the old clock
        comes after the picture's new one began, and the other way round. A packet takes the offset that joins
        it to the sound before; sound that fits none waits until the picture says more.
        """
        assert lead.time_base is not None
        splice = Splice(lead.time_base)
        own = _Joiner()
        parked: deque[Packet[Stream]] = deque()
        for packet in source:
            if packet.stream_index == lead.index:
                breaks = splice.breaks
                splice.feed(packet.dts, packet.duration or 0)
                if splice.breaks > breaks:
                    own.offsets.append(to_us(splice.offset, lead.time_base))
                    while parked and own.joins(parked[0]):
                        yield own.mended(parked.popleft())
                continue
            if not parked and own.joins(packet):
                yield own.mended(packet)
                continue
            parked.append(packet)
            if len(parked) > PARKED_PACKETS:  # the picture has nothing to say: the sound's own clock breaks
                own.break_at(parked[0])
                while parked and own.joins(parked[0]):
                    yield own.mended(parked.popleft())
        while parked:
            if not own.joins(parked[0]):
                own.break_at(parked[0])
            yield own.mended(parked.popleft())


class _Joiner:
    """Which of the offsets found so far joins a packet to the sound before it."""

    def __init__(self) -> None:
        self.offsets = [0]  # microseconds
        self._next_us: int | None = None

    def joins(self, packet: Packet[Stream]) -> bool:
        """Whether one of the last two clocks goes on from what was heard, if with a gap."""
        at_us = _decoding_us(packet)
        return at_us is None or self._next_us is None or self._nearest(at_us) is not None

    def mended(self, packet: Packet[Stream]) -> Packet[Stream]:
        """The packet on the clock of the beginning."""
        at_us = _decoding_us(packet)
        if at_us is None or packet.time_base is None:
            return packet
        found = self.offsets[-1] if self._next_us is None else self._nearest(at_us)
        offset_us = self.offsets[-1] if found is None else found
        lasts_us = to_us(packet.duration or 0, packet.time_base)
        self._next_us = at_us + offset_us + lasts_us
        ticks = round(offset_us / MICROSECONDS / packet.time_base)
        if ticks and packet.dts is not None:
            packet.dts += ticks
        if ticks and packet.pts is not None:
            packet.pts += ticks
        return packet

    def break_at(self, packet: Packet[Stream]) -> None:
        """Take this packet for the one that follows."""
        at_us = _decoding_us(packet)
        if at_us is not None and self._next_us is not None:
            self.offsets.append(self._next_us - at_us)

    def _nearest(self, at_us: int) -> int | None:
        assert self._next_us is not None
        expected_us = self._next_us
        offset_us = min(reversed(self.offsets[-2:]), key=lambda offset: abs(at_us + offset - expected_us))
        ahead_us = at_us + offset_us - expected_us
        return offset_us if -BACK_S * MICROSECONDS <= ahead_us <= AHEAD_S * MICROSECONDS else None


def _decoding_us(packet: Packet[Stream]) -> int | None:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return None if ticks is None or packet.time_base is None else to_us(ticks, packet.time_base)


def _mended(source: Iterator[Packet[Stream]], splice: Splice) -> Iterator[Packet[Stream]]:
    """The packets of a recording of sound alone whose clock starts over."""
    for packet in source:
        offset = splice.feed(packet.dts, packet.duration or 0)
        if offset and packet.dts is not None:
            packet.dts += offset
        if offset and packet.pts is not None:
            packet.pts += offset
        yield packet
