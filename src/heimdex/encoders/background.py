"""Background texts: what a model's vectors are held against, to know what a score is worth.

A cosine alone says little: some pictures are near every text (hubs), some models' cosines all lie between
.1 and .3. How a picture takes to about a thousand texts on everything gives every score a scale: deviations
above what texts as such reach with this picture.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heimdex.encoders.encoder import Encoder
from heimdex.entities import Space

VERSION = 1  # of the texts and of the scale; another makes every calibration due again
FLOOR = 1e-3  # cosine that counts as nothing on the logarithmic scale
LEAST_DEVIATION = 1e-3
TEXTS = Path(__file__).with_name("background.txt")  # written by scripts/build_background.py
PACKAGED = Path(__file__).with_name("background.npz")  # the starter's vectors of the texts
PROBABILITIES = frozenset({"labels"})  # spaces whose vectors are probabilities: no coordinate below 0

Floats = NDArray[np.float32]


@cache
def background_texts() -> tuple[str, ...]:
    """The texts, about a thousand."""
    return tuple(TEXTS.read_text(encoding="utf-8").split("\n")[:-1])


def on_scale(cosines: Floats, space: Space) -> Floats:
    """Cosines on the scale on which a space's background is about normal.

    Products of probabilities are spread over orders of magnitude: there it is the logarithm.
    """
    if space.name not in PROBABILITIES:
        return cosines
    return np.log(np.maximum(cosines, 0.0) + np.float32(FLOOR))


def calibrate(rows: Floats, background: Floats, space: Space) -> tuple[Floats, Floats]:
    """Vectors (n, dim), background (texts, dim) → means and deviations of their scores, (n,) each."""
    scores = on_scale(background @ rows.T, space)
    return scores.mean(axis=0), np.maximum(scores.std(axis=0), np.float32(LEAST_DEVIATION))


def background_vectors(
    model_sha256: str, space: Space, load_encoder: Callable[[], Encoder], cache_dir: Path | None
) -> Floats:
    """A model's vectors of the background texts, (texts, dim).

    The starter's come with the package; those of other models are computed once (a text takes 2 to 20 ms) and
    kept in `cache_dir`. Raises ModelError where the model cannot be loaded.
    """
    kept = [PACKAGED]
    if cache_dir is not None:
        kept.append(cache_dir / f"{space.model}-{model_sha256[:16]}-{VERSION}.npz")
    for path in kept:
        found = _read(path, model_sha256, space)
        if found is not None:
            return found
    vectors = np.stack([vector.values for vector in load_encoder().encode_words(background_texts())])
    if cache_dir is not None:
        write(kept[-1], model_sha256, vectors)
    return vectors


def write(path: Path, model_sha256: str, vectors: Floats) -> None:
    """Keep a model's background vectors, as half floats. The file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as target:
        np.savez_compressed(
            target,
            vectors=vectors.astype(np.float16),
            model=np.array(model_sha256),
            version=np.array(VERSION),
        )
    part = Path(name)
    part.chmod(0o644)  # mkstemp lets nobody else read
    part.replace(path)


def _read(path: Path, model_sha256: str, space: Space) -> Floats | None:
    """The vectors in a file, None where it is not there, damaged, or of other weights or texts."""
    try:
        with np.load(path) as arrays:
            fits = str(arrays["model"]) == model_sha256 and int(arrays["version"]) == VERSION
            vectors: Floats | None = arrays["vectors"].astype(np.float32) if fits else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # made anew
        return None
    if vectors is None or vectors.shape != (len(background_texts()), space.dim):
        return None
    return vectors
