"""What is added to a query's vector near marked ones.

Kernel ridge regression (Saunders et al. 1998) from the vectors of marked queries to the step from each to
what answers it, the positive part of Rocchio's (1971) feedback. The kernel is exp((cosine - 1) / width),
positive definite on a sphere of any dimension. To a query no nearer to any anchor than is usual between
queries nothing is added at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Values
from heimdex.store.adapters import rounded

RIDGE = 1.0  # a mark alone moves its own query by half; marks that agree move it further
RISE = 0.25  # of the way from far to the same, over which a query comes under an anchor's influence
TINY = 1e-6

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How far a mark reaches, in cosines, and how much of what was learned is added."""

    far: float  # a query no nearer than this to any anchor stays as it is
    width: float
    strength: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Residual:
    """Anchors and their coefficients, (n, dim) each; anchors are unit vectors of the text space."""

    anchors: Floats
    coefficients: Floats
    reach: Reach
    nonnegative: bool  # whether the space knows no coordinate below 0

    @classmethod
    def fit(cls, anchors: Floats, steps: Floats, reach: Reach, *, nonnegative: bool) -> Self:
        """From queries' unit vectors, (n, dim), to the steps wanted for them, (n, dim); 0 where none is."""
        kept = rounded(anchors)
        kernel = _kernel(kept @ kept.T, reach.width).astype(np.float64)
        solved = np.linalg.solve(kernel + RIDGE * np.eye(len(kept)), steps.astype(np.float64))
        return cls(
            anchors=kept,
            coefficients=rounded(solved.astype(np.float32)),
            reach=reach,
            nonnegative=nonnegative,
        )

    def apply(self, vector: Values) -> Values:
        """A query's vector, (dim,), moved; itself where it is far from every anchor. Of norm 1 as before."""
        # Not by BLAS, whose threads go on spinning for a while and take the processor from the database.
        cosines = np.einsum("ij,j->i", self.anchors, vector)
        gate = _gate(float(cosines.max(initial=-1.0)), self.reach.far)
        if gate == 0.0:
            return vector
        step = np.einsum("i,ij->j", _kernel(cosines, self.reach.width), self.coefficients)
        moved = vector + np.float32(gate * self.reach.strength) * step
        if self.nonnegative:
            moved = np.maximum(moved, 0.0)
        length = float(np.linalg.norm(moved))
        return vector if length < TINY else np.asarray(moved / length, dtype=np.float32)

    def document(self) -> dict[str, Any]:
        """Its numbers, for a version's record."""
        return {
            "far": self.reach.far,
            "width": self.reach.width,
            "strength": self.reach.strength,
            "nonnegative": self.nonnegative,
        }


def _kernel(cosines: Floats, width: float) -> Floats:
    found: Floats = np.exp((cosines - 1.0) / np.float32(width))
    return found


def _gate(nearest: float, far: float) -> float:
    """0 up to `far`, 1 from a part of the way on, linear between: no query jumps."""
    return min(1.0, max(0.0, (nearest - far) / (RISE * (1.0 - far))))
