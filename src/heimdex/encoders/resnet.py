"""Nets that classify pictures, used for what they see before they classify: pictures only, no words."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.encoder import Encoder, Rows
from heimdex.encoders.files import ModelFiles
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.encoders.towers import PICTURE_OUTPUTS, PictureTower
from heimdex.entities import Space
from heimdex.errors import ModelError, ModelUnavailable
from heimdex.inference.devices import choose
from heimdex.inference.graphs import GraphFacts, GraphPort

CLASSES = (1000, 21841, 21843)  # of ImageNet and its larger sisters: an output this long is a classifier's


class ResnetEncoder(Encoder):
    """The pool before the classifier, which is cut off; one space, `features`."""

    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        """Raises as JointEncoder does, ModelError too where the graph has no pool to take."""
        self.row = row
        self.device = choose(options.device)
        self._files = ModelFiles(row, options)
        self._output = features_port(self._files.facts(row.picture_file), row)
        self.similar_space = Space(model=row.name, name="features", dim=self._output.shape[1] or 0)
        self.picture_spaces = (self.similar_space,)
        self.text_space = None
        self._tower: PictureTower | None = None
        self._lock = threading.Lock()

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        """Prepared pictures, (n, size, size, 3) → (n, dim)."""
        with self._lock:
            self._tower = self._tower or PictureTower(self._files, self._output)
            return (self._tower.embed(prepared),)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        """Raises ModelUnavailable: there are no words here."""
        raise ModelUnavailable(f"The model {self.row.name} knows pictures only; ask with a picture.")


def features_port(facts: GraphFacts, row: ModelRow) -> GraphPort:
    """The tensor that holds the features: an output that is no classifier's, or what goes into that one.

    Raises ModelError where neither can be found.
    """
    for port in facts.outputs:
        plain = len(port.shape) == 2 and port.shape[1] is not None and port.shape[1] not in CLASSES
        if plain and (port.name in PICTURE_OUTPUTS or len(facts.outputs) == 1):
            return port
    if facts.pooled is None or not facts.pooled.shape[1]:
        raise ModelError(
            f"{row.picture_file} of {row.name} has no pool before a classifier to take vectors from."
        )
    return facts.pooled
