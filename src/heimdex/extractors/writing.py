"""The interface of what reads writing in a picture, and what of its readings is kept."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeAlias

from heimdex.entities import Picture

Quad: TypeAlias = tuple[tuple[float, float], ...]
"""Four corners (x, y) in px, clockwise from the line's beginning above."""

LEAST_CONFIDENCE = {1: 0.98, 2: 0.85, 3: 0.7}  # by the number of letters and digits
ENOUGH_CONFIDENCE = 0.6  # for longer ones


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLine:
    """A line as it was read. `confidence` is 0-1, the mean of its glyphs'."""

    text: str
    quad: Quad
    confidence: float


class Reader(ABC):
    """Reads writing. Used by one thread at a time."""

    @abstractmethod
    def read(self, picture: Picture) -> list[ReadLine]:
        """The lines in a picture (RGB uint8, (height, width, 3), full size), from top to bottom.

        Texts are in NFC, as read otherwise; what cannot be told from noise is left out. Raises ModelError.
        """


def tidied(text: str) -> str:
    """NFC, without control characters and with single blanks."""
    text = unicodedata.normalize("NFC", text)
    shown = "".join(" " if unicodedata.category(sign).startswith(("C", "Z")) else sign for sign in text)
    return " ".join(shown.split())


def is_writing(text: str, confidence: float) -> bool:
    """Whether a tidied reading is more than noise: the shorter it is, the surer the reader has to be.

    Photos without writing are full of single glyphs, read with anything up to .97; see
    docs/decisions/0029-writing.md. A plate of two characters passes.
    """
    count = sum(sign.isalnum() for sign in text)
    return count > 0 and confidence >= LEAST_CONFIDENCE.get(count, ENOUGH_CONFIDENCE)
