"""The interface of recognisers: stretches of sound become passages of words with times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Word

SAMPLE_RATE_HZ = 16_000

Samples: TypeAlias = NDArray[np.float32]
"""Mono sound at 16 kHz, float32, shape (samples,), in -1…1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Sound without a break, in which somebody speaks. `start_us` is on the asset's clock."""

    start_us: int
    samples: Samples

    @property
    def end_us(self) -> int:
        """Where it ends, on the asset's clock."""
        return self.start_us + microseconds(len(self.samples))


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """What was recognised in one stretch.

    A word whose text begins with a space is set apart from the one before; the others go on with it, as in
    languages that know no spaces. What the recogniser does not tell is None.
    """

    words: tuple[Word, ...]
    language: str | None  # ISO 639-1
    no_speech: float | None = None  # 0-1, how likely nobody spoke at all
    log_probability: float | None = None  # mean of its tokens', natural logarithm


class Recogniser(ABC):
    """Writes down what is said. Used by one thread at a time."""

    name: str  # as the catalog, the table of models and a Transcript know it
    batch_us: int = 0  # of sound it is best given together; 0: a stretch at a time

    @abstractmethod
    def recognise(self, stretches: Sequence[Stretch]) -> Iterator[Passage]:
        """What is said: a passage for each stretch, in their order, with word times on the asset's clock.

        A stretch lasts 30 s at most. Where nothing was recognised its passage has no words. Raises ModelError
        where the model fails.
        """

    def forget(self) -> None:  # noqa: B027, most remember nothing
        """What comes next is another recording."""


def microseconds(samples: int) -> int:
    """How long so many samples last, rounded down."""
    return samples * 1_000_000 // SAMPLE_RATE_HZ
