"""Packets become decoded frames with times: the part of a pass that deals with libav and with damage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from heimdex.entities import Facts
from heimdex.errors import DamagedFile
from heimdex.media.clock import MICROSECONDS, WRAPPING, Clock, Splice, to_us
from heimdex.media.streams import FRAME_PIXELS_LIMIT, choose, only, packets

READ_ERRORS_LIMIT = 100  # in a row, without a packet between them
DEFAULT_FRAME_US = 40_000


@dataclass(kw_only=True, slots=True)
class DecodeReport:
    """What a pass met on its way. Filled while the frames are read."""

    frames: int = 0
    corrupt_frames: int = 0  # decoded, but with errors concealed
    lost_packets: int = 0  # could not be decoded at all
    read_errors: int = 0  # of the container
    decoded_until_us: int = 0
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
        parts = [f"{self.frames} frames up to {self.decoded_until_us / MICROSECONDS:.1f} s were decoded"]
        if self.ended_early:
            parts.append("the file ends before its stated duration")
        lost = self.lost_packets + self.read_errors
        if lost:
            parts.append(f"{lost} damaged packets were skipped")
        if self.corrupt_frames:
            parts.append(f"{self.corrupt_frames} frames are damaged")
        return "; ".join(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """A decoded frame and when it is shown."""

    frame: VideoFrame
    at_us: int
    nominal_us: int  # how long it lasts if nothing follows


class Decoding:
    """One film stream being decoded, from its start or from a place that was sought."""

    def __init__(
        self, container: InputContainer, facts: Facts, report: DecodeReport, *, threads: int
    ) -> None:
        stream = choose(container).video
        if stream is None or stream.time_base is None:
            raise DamagedFile("its picture cannot be found any more; index the file again")
        only(container, stream)
        context = stream.codec_context
        # Frames nothing refers to keep their block edges: at kept size that is a PSNR of 51 dB and more, and
        # decoding takes 6 % less (docs/decisions/0004-one-decode-pass.md).
        context.options = {"max_pixels": str(FRAME_PIXELS_LIMIT), "skip_loop_filter": "noref"}
        context.thread_type = "AUTO"
        context.thread_count = threads
        self._container, self._stream, self._facts, self._report = container, stream, facts, report
        self._clock = Clock(
            time_base=stream.time_base, zero_us=facts.zero_us, wraps=facts.container in WRAPPING
        )
        self.aspect = stream.sample_aspect_ratio

    @property
    def stated_end_us(self) -> int:
        """Where the picture should end. A sound that goes on longer is no sign of a cut film."""
        stream, facts = self._stream, self._facts
        if stream.duration and not self._clock.wraps:
            return (facts.video_offset_us or 0) + to_us(stream.duration, self._clock.time_base)
        return facts.duration_us if facts.audio_codec is None else 0

    def referenced_only(self) -> None:
        """Leaves out the frames that no other frame refers to."""
        self._stream.codec_context.skip_frame = "NONREF"

    def timed(self, seek_us: int | None = None) -> Iterator[Timed]:
        """Frames with their times, strictly increasing; after a seek from the first key frame on."""
        if seek_us is not None:
            try:
                self._container.seek(self._clock.ticks(seek_us), stream=self._stream, backward=True)
            except av.FFmpegError:
                return
        sought = seek_us is not None
        at_us, step_us = -1, 0
        for frame in self._decoded(mend=not sought and self._clock.wraps):
            if sought and not frame.key_frame:
                continue  # it may lean on frames before the place we jumped to
            sought = False
            now_us = self._time_of(frame, at_us + step_us)
            if now_us < 0:
                continue  # before the presentation starts
            at_us, step_us = max(now_us, at_us + 1), self._nominal_us(frame)
            yield Timed(frame=frame, at_us=at_us, nominal_us=step_us)

    def _time_of(self, frame: VideoFrame, expected_us: int) -> int:
        """Best effort: presentation time, else decoding time, else where the frame before ended."""
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is not None:
            return self._clock.at_us(ticks)
        return expected_us if expected_us >= 0 else self._facts.video_offset_us or 0

    def _nominal_us(self, frame: VideoFrame) -> int:
        if frame.duration > 0 and frame.time_base:
            return max(1, round(frame.duration * frame.time_base * MICROSECONDS))
        if self._facts.frame_rate:
            return max(1, round(MICROSECONDS / self._facts.frame_rate))
        return DEFAULT_FRAME_US

    def _decoded(self, *, mend: bool) -> Iterator[VideoFrame]:
        context, report = self._stream.codec_context, self._report
        splice = Splice(self._clock.time_base) if mend else None
        for packet in self._packets(splice):
            try:
                yield from context.decode(packet)
            except av.BlockingIOError:  # the decoder is stuck on an earlier error
                context.flush_buffers()
                report.lost_packets += 1
            except av.EOFError:  # drained twice
                continue
            except av.FFmpegError:
                report.lost_packets += 1

    def _packets(self, splice: Splice | None) -> Iterator[Packet[Stream]]:
        """The stream's packets, going on after a read error as long as something still comes."""
        errors = 0
        while errors < READ_ERRORS_LIMIT:
            try:
                for packet in packets(self._container, self._stream):
                    errors = 0
                    yield packet if splice is None else _mended(packet, splice)
            except av.FFmpegError:
                errors += 1
                self._report.read_errors += 1
            else:
                break
        yield Packet()  # an empty packet drains the decoder


def _mended(packet: Packet[Stream], splice: Splice) -> Packet[Stream]:
    offset = splice.feed(packet.dts, packet.duration or 0)
    if offset and packet.dts is not None:
        packet.dts += offset
    if offset and packet.pts is not None:
        packet.pts += offset
    return packet
