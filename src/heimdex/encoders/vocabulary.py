"""What words mean in terms of the classes a picture model knows, and how well they are known.

Words and pictures meet in label space: a text is a distribution over the classes by the likeness of its
vector to the classes' texts, a picture one by its class probabilities. It is the idea of ConSE (Norouzi et
al. 2013) turned round: there pictures move to the space of words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from heimdex.errors import WeightsCorrupt
from heimdex.inference.weights import MEND, VerifiedFile, read_arrays

TEMPERATURE = 0.07  # of the softmax over likenesses; .06 to .08 are equally good
KIND_SHARE = 0.7  # how much a class's kind ("dog") counts beside its name ("vizsla") where it is the likelier

NEAREST = 5  # texts
BROKEN_COST = 0.2  # of nearness, when no piece of the text is a whole word in Latin letters
KNOWN_NEARNESS = 0.48  # certainty one half
CERTAINTY_SLOPE = 33.0  # per unit of nearness; a logistic fit, see docs/reference/starter.md

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """Texts for every class: two names each, and everyday words that hold for many."""

    vectors: Floats  # (texts, dim), unit rows
    names: NDArray[np.int16]  # (classes, 2), rows of vectors
    kinds: NDArray[np.int16]  # (kinds,), rows of vectors
    members: NDArray[np.bool_]  # (kinds, classes)

    @classmethod
    def read(cls, file: VerifiedFile) -> Self:
        """From the .npz that the build script writes. Raises WeightsCorrupt where it is not one."""
        arrays = read_arrays(file)
        try:
            return cls(
                vectors=arrays["vectors"].astype(np.float32),
                names=arrays["names"],
                kinds=arrays["kinds"],
                members=np.unpackbits(arrays["members"], axis=1, count=len(arrays["names"])).astype(np.bool_),
            )
        except KeyError as err:
            raise WeightsCorrupt(f"{file.path} is no vocabulary: it has no {err}. {MEND}") from err

    def likeness(self, sentence: Floats) -> Floats:
        """A text's unit vector, (dim,) → its cosine to every text, (texts,)."""
        # Not `@`: for so small a product the threads of BLAS wait longer for each other than they work.
        cosines: Floats = np.einsum("td,d->t", self.vectors, sentence)
        return cosines

    def labels(self, likeness: Floats) -> Floats:
        """A text's likeness to every text → its label vector, (classes,), unit norm.

        A class is as near as its nearer name, or as its name and nearest kind together where that is more.
        """
        by_name = likeness[self.names].max(axis=1)
        by_kind = np.where(self.members, likeness[self.kinds][:, np.newaxis], -1.0).max(axis=0)
        near = np.maximum(by_name, (1 - KIND_SHARE) * by_name + KIND_SHARE * by_kind)
        weights = np.exp((near - near.max()) / TEMPERATURE)
        return np.asarray(weights / np.linalg.norm(weights), dtype=np.float32)

    def certainty(self, likeness: Floats, broken: float) -> float:
        """How sure it is, 0-1, that a text with this likeness and share of broken words is understood.

        Nearness is the mean of the largest likeness to any text and of the NEAREST largest, less BROKEN_COST
        for broken words: nonsense and other languages fall apart, abstract words are far from all.
        """
        largest = np.sort(likeness)[-NEAREST:]
        nearness = (largest[-1] + largest.mean()) / 2 - BROKEN_COST * broken
        return float(1.0 / (1.0 + np.exp(-CERTAINTY_SLOPE * (nearness - KNOWN_NEARNESS))))
