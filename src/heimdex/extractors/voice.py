"""Where somebody speaks: a stream of sound is cut into stretches of speech, in bounded memory.

The probabilities come from silero VAD, which lies in the package faster-whisper. That package asks it about a
whole recording at once; here its state is carried from piece to piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from heimdex.errors import ModelUnavailable
from heimdex.extractors.recogniser import SAMPLE_RATE_HZ, Samples, Stretch, microseconds
from heimdex.extractors.spans import Span, SpeechSpans

WINDOW = 512  # samples, 32 ms: what silero judges at a time
CONTEXT = 64  # samples of the window before, which it wants to see again
STATE_SHAPE = (1, 1, 128)
WINDOWS_AT_A_TIME = 2_000  # about a minute; bounds what the graph takes for a while
INAUDIBLE = 2**-15  # less than one step of 16 bits: a muted track, which costs nothing to know
JUMP_US = 60_000  # a piece that starts so far from the end of the one before is no continuation


class SoundPiece(Protocol):
    """A piece of a stream of sound: mono, 16 kHz, float32, with its place on the asset's clock."""

    @property
    def start_us(self) -> int:
        """When its first sample is heard."""

    @property
    def samples(self) -> Samples:
        """Shape (samples,)."""


class VoiceDetector:
    """How likely somebody speaks, window by window. Remembers what it heard until `forget`."""

    def __init__(self) -> None:
        """Raises ModelUnavailable where the package that holds the model does not load."""
        try:
            from faster_whisper.vad import get_vad_model

            self._session: Any = get_vad_model().session
        except Exception as err:  # a missing library, a damaged file: each with an error of its own
            raise ModelUnavailable(
                f"The voice detector cannot be loaded ({err}); install faster-whisper again."
            ) from err
        self.forget()

    def forget(self) -> None:
        """What comes next is another sound."""
        self._hidden = np.zeros(STATE_SHAPE, np.float32)
        self._cell = np.zeros(STATE_SHAPE, np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        """One for each window, shape (windows,); `samples` are a whole number of windows."""
        windows = samples.reshape(-1, WINDOW)
        parts = [
            self._judge(windows[first : first + WINDOWS_AT_A_TIME])
            for first in range(0, len(windows), WINDOWS_AT_A_TIME)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def _judge(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        if max(windows.max(), -windows.min()) < INAUDIBLE:
            self.forget()
            return np.zeros(len(windows), np.float32)
        before = np.concatenate([self._context[np.newaxis], windows[:-1, -CONTEXT:]])
        self._context = windows[-1, -CONTEXT:].copy()
        said, self._hidden, self._cell = self._session.run(
            None, {"input": np.hstack([before, windows]), "h": self._hidden, "c": self._cell}
        )
        return np.asarray(said, np.float32).reshape(-1)


class VoiceFilter:
    """Cuts a stream of sound into stretches of speech."""

    def __init__(self, detector: VoiceDetector) -> None:
        self._detector = detector

    def stretches(self, pieces: Iterable[SoundPiece]) -> Iterator[Stretch]:
        """The stretches in which somebody speaks, each at most 28 s long and padded by 0.2 s.

        Holds one stretch and one piece at a time. A gap or a step back in the pieces' times ends a stretch.
        Samples that are no numbers count as silence.
        """
        heard: _Heard | None = None
        for piece in pieces:
            if not len(piece.samples):
                continue
            if heard is None or abs(piece.start_us - heard.end_us) > JUMP_US:
                if heard is not None:
                    yield from heard.finish()
                heard = _Heard(self._detector, piece.start_us)
            yield from heard.add(np.nan_to_num(piece.samples, nan=0.0, posinf=0.0, neginf=0.0))
        if heard is not None:
            yield from heard.finish()


class _Heard:
    """A stream without gaps: what is still needed of it, and where its speech begins and ends."""

    def __init__(self, detector: VoiceDetector, start_us: int) -> None:
        detector.forget()
        self._detector = detector
        self._start_us = start_us
        self._spans = SpeechSpans()
        self._kept = np.empty(0, np.float32)
        self._kept_from = 0  # sample number
        self._judged = 0  # samples

    @property
    def end_us(self) -> int:
        return self._start_us + microseconds(self._kept_from + len(self._kept))

    def add(self, samples: Samples) -> Iterator[Stretch]:
        self._kept = np.concatenate([self._kept, samples])
        total = self._kept_from + len(self._kept)
        until = total - total % WINDOW
        yield from self._judge(self._kept[self._judged - self._kept_from : until - self._kept_from])

    def finish(self) -> Iterator[Stretch]:
        total = self._kept_from + len(self._kept)
        rest = self._kept[self._judged - self._kept_from :]
        if len(rest):
            yield from self._judge(np.pad(rest, (0, WINDOW - len(rest))))
        for span in self._spans.finish():
            yield self._stretch(span, total)

    def _judge(self, samples: Samples) -> Iterator[Stretch]:
        self._judged += len(samples)
        for span in self._spans.add(self._detector.probabilities(samples)):
            yield self._stretch(span, self._kept_from + len(self._kept))
        needed = self._spans.needed_from * WINDOW
        if needed > self._kept_from:
            self._kept = self._kept[needed - self._kept_from :].copy()
            self._kept_from = needed

    def _stretch(self, span: Span, total: int) -> Stretch:
        start, end = span.start * WINDOW, min(span.end * WINDOW, total)
        return Stretch(
            start_us=self._start_us + start * 1_000_000 // SAMPLE_RATE_HZ,
            samples=self._kept[start - self._kept_from : end - self._kept_from].copy(),
        )
