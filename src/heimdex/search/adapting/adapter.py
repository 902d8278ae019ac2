"""What was learned of marked queries, as a search uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from heimdex.search.adapting.residual import Reach, Residual
from heimdex.search.fusion import GROUPS
from heimdex.search.request import Asked
from heimdex.store.adapters import AdapterContent


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Adapter:
    """Factors of the signals' weights by group (1 for those that are not named), and a step for words."""

    version: int = 0  # 0: being tried, no version yet
    factors: Mapping[str, float] = field(default_factory=dict)
    residual: Residual | None = None

    @property
    def is_identity(self) -> bool:
        """Whether a search with it is the search without it."""
        return self.residual is None and all(factor == 1.0 for factor in self.factors.values())

    def adapt(self, asked: Asked) -> Asked:
        """A query with its words moved. What counts against a scene, pictures and scenes are as they were."""
        if self.residual is None or asked.words is None:
            return asked
        plain = asked.words.vector
        moved = self.residual.apply(plain)
        if moved is plain:
            return asked
        return replace(asked, words=replace(asked.words, vector=moved, plain=plain))

    @classmethod
    def of(cls, version: int, content: AdapterContent) -> Self:
        """A version as it was stored."""
        reach = content.parameters["residual"]
        factors = content.parameters["factors"]
        return cls(
            version=version,
            factors={group: float(factors[group]) for group in GROUPS if group in factors},
            residual=None
            if reach is None
            else Residual(
                anchors=content.anchors,
                coefficients=content.coefficients,
                reach=Reach(far=reach["far"], width=reach["width"], strength=reach["strength"]),
                nonnegative=reach["nonnegative"],
            ),
        )

    def content(self, dim: int) -> AdapterContent:
        """The adapter as it is stored, with vectors of `dim` coordinates."""
        residual = self.residual
        nothing = np.zeros((0, dim), np.float32)
        parameters: dict[str, Any] = {
            "dim": dim,
            "factors": dict(self.factors),
            "residual": None if residual is None else residual.document(),
        }
        return AdapterContent(
            parameters=parameters,
            anchors=nothing if residual is None else residual.anchors,
            coefficients=nothing if residual is None else residual.coefficients,
        )
