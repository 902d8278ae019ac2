"""What the starter's vectors must stay, for two made pictures and three texts.

`python -m tests.golden.starter_canon` writes them anew: right only when the weights are to be others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heimdex.encoders.catalog import LoadOptions, load
from heimdex.encoders.encoder import Encoder
from heimdex.entities import Picture

VECTORS = Path(__file__).with_name("starter_vectors.npz")
TEXTS = ("a sailing boat at sea", "kittens", "something to sit on")


def pictures() -> tuple[Picture, ...]:
    """A ball on a lawn under a sky, 640×360; a checked cloth, 300×400."""
    y, x = np.mgrid[0:360, 0:640]
    lawn = np.where(y[..., None] < 200, (120, 170, 230), (60, 140, 50)) + (y[..., None] // 12)
    distance = np.hypot(x - 430, y - 230)
    light = np.clip(1.2 - np.hypot(x - 400, y - 200) / 110, 0.2, 1.0)[..., None]
    ball = np.where(distance[..., None] < 70, light * (230, 90, 20), lawn)
    y, x = np.mgrid[0:400, 0:300]
    check = ((x // 25) % 2 + (y // 25) % 2)[..., None]
    cloth = np.choose(check, [(200, 30, 40), (215, 130, 130), (240, 235, 230)])
    return ball.clip(0, 255).astype(np.uint8), cloth.astype(np.uint8)


def vectors(encoder: Encoder) -> dict[str, np.ndarray]:
    """By name: labels and features of the pictures, labels of the texts, (n, dim) float32 each."""
    found = list(encoder.encode_pictures(pictures()))
    return {
        "labels": np.stack([labels.values for labels, _ in found]),
        "features": np.stack([features.values for _, features in found]),
        "texts": np.stack([vector.values for vector in encoder.encode_words(TEXTS)]),
    }


if __name__ == "__main__":
    canon = vectors(load("starter", LoadOptions(precision="fp32")))
    np.savez_compressed(
        VECTORS,
        labels=canon["labels"].astype(np.float16),
        features=canon["features"].astype(np.float16),
        texts=canon["texts"].astype(np.float16),
    )
