"""A deterministic encoder without weights: it sees colours and knows their English names."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.checks import block_means
from heimdex.encoders.encoder import Encoder, Rows
from heimdex.encoders.row import ModelRow
from heimdex.entities import Space

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (30, 170, 50),
    "blue": (30, 60, 220),
    "yellow": (230, 220, 40),
    "orange": (240, 140, 20),
    "purple": (130, 40, 160),
    "cyan": (40, 210, 220),
    "pink": (250, 160, 190),
    "brown": (120, 70, 30),
    "black": (5, 5, 5),
    "grey": (128, 128, 128),
    "white": (250, 250, 250),
}
SHARPNESS = 1 / 2500  # per squared level: how quickly another colour stops being this one
TRACE = 0.05  # how much of the blocks goes into a label vector, so that no two pictures share one

FAKE = ModelRow(
    name="fake",
    family="starter",
    pretrained="colours",
    precision="fp32",
    licence="Apache-2.0",
    task="pictures by the names of their colours and by likeness",
    input_size=64,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    resize="squash",
    files=(),
    packaged=True,
    match_cosine=0.3,
)


class FakeEncoder(Encoder):
    """`red`, `a blue car` find red and blue pictures; words without a colour are not understood."""

    def __init__(self, row: ModelRow = FAKE) -> None:
        self.row = row
        self.device = "cpu"
        self.text_space = Space(model=row.name, name="labels", dim=len(COLOURS) + 16)
        self.similar_space = Space(model=row.name, name="features", dim=49)
        self.picture_spaces = (self.text_space, self.similar_space)

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        blocks = np.stack([block_means(picture).reshape(16, 3) for picture in prepared])
        names = np.asarray(list(COLOURS.values()), dtype=np.float32)
        distances = ((blocks[:, :, np.newaxis, :] - names) ** 2).sum(axis=3)
        shares = _softmax(-distances * SHARPNESS).mean(axis=1)
        trace = blocks.mean(axis=2) / 255.0 * TRACE
        features = np.concatenate([blocks.reshape(-1, 48) / 255.0, np.ones((len(blocks), 1))], axis=1)
        return _unit(np.concatenate([np.sqrt(shares), trace], axis=1)), _unit(features)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        rows = np.zeros((len(texts), len(COLOURS) + 16), dtype=np.float32)
        certainties = np.zeros(len(texts), dtype=np.float32)
        for index, text in enumerate(texts):
            places = [place for place, name in enumerate(COLOURS) if name in text.casefold().split()]
            if places:
                rows[index, places], certainties[index] = 1.0, 1.0
            else:
                rows[index, zlib.crc32(text.encode()) % len(COLOURS)] = 1.0
        return _unit(rows), certainties


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    shares: NDArray[np.float32] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _unit(rows: NDArray[np.floating]) -> Rows:
    units: Rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units
