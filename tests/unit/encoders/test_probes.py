from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Encoder, Rows
from heimdex.encoders.probes import CAPTIONS, probe
from heimdex.entities import Space
from tests.conformance.fakes import FAKE


class Guessing(Encoder):
    """Unit vectors by random projections of the pixels and of nothing at all, as an untrained model gives."""

    def __init__(self, seed: int, words: bool) -> None:
        self.row = FAKE
        self.device = "cpu"
        self.similar_space = Space(model="fake", name="joint", dim=64)
        self.picture_spaces = (self.similar_space,)
        self.text_space = self.similar_space if words else None
        self.rng = np.random.default_rng(seed)
        self.matrix = self.rng.normal(size=(self.row.input_size**2 * 3, 64))

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        return (unit(prepared.reshape(len(prepared), -1) @ self.matrix),)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        return unit(self.rng.normal(size=(len(texts), 64))), np.ones(len(texts), np.float32)


def unit(rows: NDArray[np.floating]) -> Rows:
    units: Rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def test_the_starter_sees_what_the_sample_pictures_show() -> None:
    results = probe(catalog.load("starter", catalog.LoadOptions(threads=2)))
    assert len(results) == 2 * len(CAPTIONS)
    assert all(result.ok for result in results), [str(result) for result in results if not result.ok]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("words", [True, False])
def test_a_model_that_guesses_is_found_out(seed: int, words: bool) -> None:
    results = probe(Guessing(seed, words))
    wrong = [result for result in results if not result.ok]
    assert len(wrong) >= 2
    assert all(str(result).startswith("wrong: ") for result in wrong)
