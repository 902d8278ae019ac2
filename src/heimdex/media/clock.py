"""Stream ticks become microseconds on the asset's one clock (decision 0003)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

MICROSECONDS = 1_000_000
WRAP_TICKS = 1 << 33  # MPEG clocks have 33 bits: at 90 kHz they start over every 26.5 hours
# Between neighbouring packets of an MPEG stream a step back by more than BACK_S, or ahead by more than
# AHEAD_S, is a new clock; a shorter step ahead is a gap in the recording, which players show as one.
BACK_S, AHEAD_S = Fraction(1, 2), 3600
WRAPPING = frozenset({"mpegts", "mpeg"})


def to_us(ticks: int, time_base: Fraction) -> int:
    """Ticks as microseconds, rounded to the nearest, exact in integers however long the film."""
    scaled = 2 * ticks * time_base.numerator * MICROSECONDS + time_base.denominator
    return scaled // (2 * time_base.denominator)


def to_ticks(us: int, time_base: Fraction) -> int:
    """Microseconds as ticks, rounded down."""
    return us * time_base.denominator // (time_base.numerator * MICROSECONDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """One stream's ticks against the asset's zero. It has no memory: a frame reached by seeking gets the time
    that the full pass gave it.
    """

    time_base: Fraction
    zero_us: int
    wraps: bool

    def at_us(self, ticks: int) -> int:
        """Microseconds after zero; before zero is negative."""
        if not self.wraps:
            return to_us(ticks, self.time_base) - self.zero_us
        start = to_ticks(self.zero_us, self.time_base)
        ahead = (ticks - start) % WRAP_TICKS
        if ahead > WRAP_TICKS - WRAP_TICKS // 8:  # a little before zero, not a day after it
            ahead -= WRAP_TICKS
        return to_us(start + ahead, self.time_base) - self.zero_us

    def ticks(self, at_us: int) -> int:
        """The tick at or before a time on the asset's clock."""
        return to_ticks(at_us + self.zero_us, self.time_base)


class Splice:
    """Mends the clock of recordings whose time starts over on the way (concatenated or interrupted MPEG
    streams).

    Fed with the decoding times of one stream in file order, it gives the ticks to add so that the new clock
    goes on where the old one ended.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._back, self._ahead = int(BACK_S / time_base), int(AHEAD_S / time_base)
        self._next: int | None = None
        self.offset = 0
        self.breaks = 0

    def feed(self, decoding_time: int | None, duration: int) -> int:
        """The offset in ticks for this packet."""
        if decoding_time is None:
            return self.offset
        mended = decoding_time + self.offset
        if self._next is not None and not -self._back <= mended - self._next <= self._ahead:
            self.offset += self._next - mended
            self.breaks += 1
            mended = self._next
        self._next = mended + max(duration, 0)
        return self.offset
