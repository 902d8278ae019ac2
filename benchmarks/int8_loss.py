"""What int8 costs on real weights: the starter's picture net, rounded by NNCF, over real photos.

    python -m benchmarks.int8_loss --fp32 FOLDER

FOLDER: what `python scripts/build_starter.py --precision fp32` writes. Ranges are learnt from every other
photo of the test data, the loss is measured on the rest: for features (pictures by pictures) and for label
vectors (pictures by words). Beside it the starter as shipped, whose weights alone are int8.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.plan import CORES, photos
from benchmarks.random_models import read
from heimdex.encoders.row import WEIGHTS_FOLDER
from heimdex.encoders.starter import PICTURES, STARTER
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.quantise import divide, measure_loss, quantise_graph
from heimdex.inference.session import SessionOptions
from heimdex.inference.transforms import fit, normalise
from heimdex.inference.weights import VerifiedFile, open_weights


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fp32", type=Path, required=True)
    given = parser.parse_args()
    learnt, others = divide([prepared(path) for path in photos()])
    whole = open_weights(given.fp32, PICTURES)
    exact = vectors(whole, others)
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "pictures.xml"
        squares = [square for picture in learnt for square in views(picture)]
        quantise_graph(whole, squares, lambda square: planes(square[np.newaxis]), small)
        found = {
            "weights and activations int8 (NNCF)": vectors(VerifiedFile(path=small, sha256="int8"), others),
            "weights int8, as shipped": vectors(open_weights(WEIGHTS_FOLDER, PICTURES), others),
        }
    for name, rounded in found.items():
        for space, one, two in zip(("labels", "features"), exact, rounded, strict=True):
            print(f"{name}, {space}: {measure_loss(one, two)}")


def prepared(path: Path) -> NDArray[np.uint8]:
    """A photo as the starter sees it: two squares, one below the other."""
    return fit(read(path), STARTER.input_size, STARTER.resize)


def views(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Its squares, (views, side, side, 3)."""
    return picture.reshape(-1, STARTER.input_size, STARTER.input_size, 3)


def planes(squares: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Squares as the graph takes them."""
    return normalise(squares, STARTER.mean, STARTER.std)


def vectors(weights: VerifiedFile, pictures: list[Any]) -> list[NDArray[np.float32]]:
    """Unit label vectors and feature vectors, as the starter makes them, in fp32."""
    options = SessionOptions(precision="fp32", threads=CORES, batches=(1,))
    with OpenVinoSession(weights, options) as session:
        outputs = session.run({"pictures": planes(np.concatenate([views(one) for one in pictures]))})
    logits = outputs["logits"].astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    means = [
        part.reshape(len(pictures), -1, part.shape[1]).mean(axis=1) for part in (shares, outputs["features"])
    ]
    return [np.float32(rows / np.linalg.norm(rows, axis=1, keepdims=True)) for rows in means]


if __name__ == "__main__":
    main()
