"""The starter: EfficientNet-Lite0 for pictures, MiniLM-L6 for words, met through ImageNet's classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.encoder import Encoder, Rows
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.entities import Space
from heimdex.errors import ModelUnavailable

STARTER = ModelRow(
    name="starter",
    pretrained="efficientnet-lite0 + all-MiniLM-L6-v2",
    precision="int8",
    licence="Apache-2.0",
    task="pictures by words and by likeness",
    input_size=224,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    resize="centre",
    files=(),
)


class StarterEncoder(Encoder):
    """EfficientNet-Lite0 and MiniLM-L6."""

    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        self.row = row
        self.device = options.device
        self.text_space = Space(model=row.name, name="labels", dim=1000)
        self.similar_space = Space(model=row.name, name="features", dim=1280)
        self.picture_spaces = (self.text_space, self.similar_space)

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        """Prepared pictures → label vectors and feature vectors."""
        raise ModelUnavailable("The starter's weights are not built yet.")

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        """Texts → label vectors and certainties."""
        raise ModelUnavailable("The starter's weights are not built yet.")
