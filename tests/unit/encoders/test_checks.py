from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from heimdex.encoders.checks import Twins, block_means, check_pictures, check_rows
from heimdex.encoders.encoder import Rows, is_understood
from heimdex.entities import Picture, Vector
from heimdex.errors import ModelUnavailable, VectorFault
from tests.conformance.fakes import FakeEncoder

SIZE = 64
RNG = np.random.default_rng(5)


def noise(seed: int) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)


def changed(picture: Picture, rows: slice, levels: int) -> Picture:
    other = picture.astype(np.int16)
    other[rows] += levels
    return np.clip(other, 0, 255).astype(np.uint8)


def units(count: int, dim: int = 8) -> NDArray[np.float32]:
    rows = np.random.default_rng(count).normal(size=(count, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_a_fault(value: float) -> None:
    rows = units(3)
    rows[1, 2] = value
    with pytest.raises(VectorFault, match="not numbers"):
        check_rows("m", rows)


@pytest.mark.parametrize(("scale", "fault"), [(1.0009, False), (1.0015, True), (0.9985, True), (0.0, True)])
def test_a_norm_may_be_off_by_a_thousandth(scale: float, fault: bool) -> None:
    rows = units(3)
    rows[2] *= scale
    if fault:
        with pytest.raises(VectorFault, match="length is off"):
            check_rows("m", rows)
    else:
        check_rows("m", rows)


def test_different_pictures_with_one_vector_are_a_fault() -> None:
    prepared = np.stack([noise(1), changed(noise(1), slice(0, SIZE), 60), noise(3)])
    rows = units(3)
    rows[1] = rows[0]
    with pytest.raises(VectorFault, match="same vector"):
        check_pictures("m", prepared, [units(3, 5), rows])


def test_pictures_that_hardly_differ_may_share_a_vector() -> None:
    prepared = np.stack([noise(1), changed(noise(1), slice(0, SIZE), 3)])
    check_pictures("m", prepared, [np.repeat(units(1), 2, axis=0)])


def test_nearly_the_same_vector_is_still_collapsed_and_a_near_one_is_not() -> None:
    prepared = np.stack([np.zeros((SIZE, SIZE, 3), np.uint8), np.full((SIZE, SIZE, 3), 255, np.uint8)])
    rows = np.repeat(units(1), 2, axis=0)
    rows[1, 0] += 5e-5
    with pytest.raises(VectorFault, match="same vector"):
        check_pictures("m", prepared, [rows])
    rows[1, 0] += 5e-4
    check_pictures("m", prepared, [rows])


def test_twins_are_pictures_a_codec_repeats() -> None:
    picture = noise(1) // 2
    speck = picture.copy()
    speck[3, 5] += 9  # one pixel of 4,096
    twins = Twins([picture, speck, noise(2), picture])
    assert twins.places == [0, 0, 1, 0]
    assert np.array_equal(twins.distinct, np.stack([picture, noise(2)]))


@pytest.mark.parametrize(
    "other",
    [
        changed(noise(1) // 2, slice(0, SIZE), 1),  # all a level brighter
        changed(noise(1) // 2, slice(0, 2), 8),  # an edge moved: little on average, much in its blocks
        (noise(1) // 2 + RNG.integers(0, 2, (SIZE, SIZE, 3))).astype(np.uint8),  # noise of a level
    ],
    ids=["brighter", "moved", "noisy"],
)
def test_what_could_be_another_moment_is_no_twin(other: Picture) -> None:
    assert Twins([noise(1) // 2, other]).places == [0, 1]


def test_likeness_does_not_creep_along_a_chain() -> None:
    first = np.full((SIZE, SIZE, 3), 100, np.uint8)
    chain = [first]
    for step in range(1, 4):
        following = chain[-1].copy()
        following[step * 2 : step * 2 + 2, :] += 2  # .06 levels on average, .25 in a block
        chain.append(following)
    assert Twins(chain).places == [0, 0, 1, 1]


def test_block_means_are_means_of_blocks() -> None:
    picture = np.zeros((32, 50, 3), np.uint8)
    picture[16:, 16:32] = (8, 80, 160)
    means = block_means(picture)
    assert means.shape == (2, 3, 3)
    assert means[1, 1].tolist() == [8, 80, 160]
    assert means.sum() == 248


class Broken(FakeEncoder):
    """Gives what a test tells it."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.rows = rows

    def embed_pictures(self, prepared: NDArray[np.uint8]) -> tuple[Rows, ...]:
        return tuple(np.repeat(self.rows[:1], len(prepared), axis=0) for _ in self.picture_spaces)

    def embed_words(self, texts: Sequence[str]) -> tuple[Rows, NDArray[np.float32]]:
        return np.repeat(self.rows[:1], len(texts), axis=0), np.ones(len(texts), np.float32)


def test_an_encoder_checks_every_batch_it_hands_out() -> None:
    dead = Broken(units(1))
    with pytest.raises(VectorFault, match="fake gave the same vector"):
        list(dead.encode_pictures([np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 255, np.uint8)]))
    with pytest.raises(VectorFault, match="length"):
        next(Broken(units(1) * 2).encode_pictures([noise(1)]))
    with pytest.raises(VectorFault, match="not numbers"):
        next(Broken(units(1) * np.float32(np.nan)).encode_words(["red"]))


def test_an_encoder_without_words_says_so() -> None:
    encoder = FakeEncoder()
    encoder.text_space = None
    with pytest.raises(ModelUnavailable, match="pictures only"):
        next(encoder.encode_words(["red"]))


def test_half_certain_is_understood() -> None:
    space = FakeEncoder().similar_space
    values = np.zeros(space.dim, np.float32)
    assert is_understood(Vector(space=space, values=values, certainty=0.5))
    assert not is_understood(Vector(space=space, values=values, certainty=0.49))
