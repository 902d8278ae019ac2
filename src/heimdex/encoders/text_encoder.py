"""The interface of everything that turns texts into vectors to be compared with other texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from heimdex.encoders.checks import check_rows
from heimdex.encoders.encoder import Rows
from heimdex.encoders.row import ModelRow
from heimdex.entities import Space, Vector

TextTask = Literal["query", "passage"]
"""What a text is for: some models want questions marked apart from what is searched."""


class TextEncoder(ABC):
    """Texts → Vectors of one space, `text`. A kind of encoder fills in `space` and `embed`."""

    row: ModelRow
    batch: int = 32  # texts taken at a time

    @property
    @abstractmethod
    def space(self) -> Space:
        """Where the texts meet."""

    @abstractmethod
    def embed(self, texts: Sequence[str], task: TextTask) -> Rows:
        """N texts → (n, dim), unit rows. An empty text has a vector like any other."""

    def encode(self, texts: Iterable[str], task: TextTask = "passage") -> Iterator[Vector]:
        """One Vector a text, in order; certainty 0 for a text of nothing but blanks.

        Texts are taken lazily, `batch` at a time. Raises VectorFault where a vector is not finite or not of
        norm 1, and what `embed` raises.
        """
        source = iter(texts)
        while group := list(islice(source, self.batch)):
            rows = self.embed(group, task)
            check_rows(self.row.name, rows)
            for text, values in zip(group, rows, strict=True):
                yield Vector(space=self.space, values=values, certainty=float(bool(text.strip())))
