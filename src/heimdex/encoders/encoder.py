"""The interface of everything that turns pictures and words into vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.checks import Twins, check_pictures, check_rows
from heimdex.encoders.row import ModelRow
from heimdex.entities import Picture, Space, Vector
from heimdex.errors import ModelUnavailable
from heimdex.inference.transforms import fit

Rows = NDArray[np.float32]
"""One vector per row, float32, shape (n, dim), each of L2 norm 1."""

UNDERSTOOD = 0.5
"""The certainty from which a query counts as understood; below it the verdict is `weak`. Encoders scale their
own measure so that this one line holds for all of them."""

Item = TypeVar("Item")


def is_understood(vector: Vector) -> bool:
    """Whether the encoder knew what it was asked well enough to answer."""
    return vector.certainty >= UNDERSTOOD


class Encoder(ABC):
    """Pictures and words → Vectors. A kind of encoder fills in two methods; the checks are everybody's."""

    row: ModelRow
    device: str
    picture_spaces: tuple[Space, ...]  # every vector a picture gets, in order
    text_space: Space | None  # where words meet pictures; None: this encoder has no words
    similar_space: Space  # where pictures meet pictures; one of picture_spaces
    batch: int = 32  # pictures or texts taken at a time

    def prepare(self, picture: Picture) -> Picture:
        """A picture, (h, w, 3) uint8 RGB, as the model sees it: (size, size, 3) uint8."""
        return fit(picture, self.row.input_size, self.row.resize, self.row.filter)

    @abstractmethod
    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        """Prepared pictures, (n, size, size, 3) → one (n, dim) array per picture space, in order."""

    @abstractmethod
    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        """Texts → (n, dim) in the text space, and n certainties in 0-1."""

    def sentences(self, texts: Sequence[str]) -> list[Vector]:
        """The texts in the terms of the sentence model by which words are understood here, one Vector each;
        empty where there is none. Who needs both asks after `encode_words`, and does not wait again.
        """
        return []

    def encode_pictures(self, pictures: Iterable[Picture]) -> Iterator[tuple[Vector, ...]]:
        """One tuple per picture, in order: its Vector in each of `picture_spaces`.

        At most `batch` pictures are held at a time. Within such a batch a picture that is a twin of an
        earlier one (see `checks.Twins`) gets that one's vectors, value for value. Raises VectorFault where
        what comes out is not finite, not of norm 1, or the same for plainly different pictures.
        """
        for group in _groups(pictures, self.batch):
            twins = Twins([self.prepare(picture) for picture in group])
            spaces = self.embed_pictures(twins.distinct)
            check_pictures(self.row.name, twins.distinct, spaces)
            for place in twins.places:
                yield tuple(
                    Vector(space=space, values=rows[place])
                    for space, rows in zip(self.picture_spaces, spaces, strict=True)
                )

    def encode_words(self, texts: Iterable[str]) -> Iterator[Vector]:
        """One Vector of the text space per text, in order, with the certainty of having understood it.

        Raises ModelUnavailable where this encoder has no words, VectorFault as `encode_pictures` does.
        """
        if self.text_space is None:
            raise ModelUnavailable(f"The model {self.row.name} knows pictures only; ask with a picture.")
        for group in _groups(texts, self.batch):
            rows, certainties = self.embed_words(group)
            check_rows(self.row.name, rows)
            for values, certainty in zip(rows, certainties, strict=True):
                yield Vector(space=self.text_space, values=values, certainty=float(certainty))


def _groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while group := list(islice(source, size)):
        yield group
