"""What every encoder owes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from heimdex.encoders import catalog
from heimdex.encoders.encoder import Encoder
from heimdex.entities import Picture
from tests.conformance.fakes import FakeEncoder
from tests.random_weights import write

SAME = 0.999  # cosine


RANDOM = ["clip-vit-b-32-openai", "clip-vit-b-32-laion2b", "siglip2-base-patch32-256", "resnet50-imagenet"]
"""Small ones with random weights: batches, one item at a time, another way to pool, pictures only."""


@pytest.fixture(scope="module", params=["fake", "starter", *RANDOM])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    if request.param == "fake":
        return FakeEncoder()
    folder = tmp_path_factory.mktemp("models")
    if request.param in RANDOM:
        write(catalog.find(request.param), folder / request.param, small=True)
    options = catalog.LoadOptions(threads=2, models_dir=folder, cache_dir=folder / "cache")
    return catalog.load(request.param, options)


def scene(seed: int, height: int = 90, width: int = 160) -> Picture:
    """A smooth picture of its own colours."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width) * 6
    waves = [np.sin(x * rng.uniform(-3, 3) + y * rng.uniform(-3, 3) + rng.uniform(0, 6)) for _ in range(3)]
    level = rng.uniform(60, 190, 3)
    picture: Picture = np.clip(level + 60 * np.stack(waves, axis=2), 0, 255).astype(np.uint8)
    return picture


def cosine(one: np.ndarray, two: np.ndarray) -> float:
    return float(one.astype(np.float64) @ two.astype(np.float64))


def test_a_picture_gets_a_unit_vector_in_every_space_in_order(encoder: Encoder) -> None:
    found = list(encoder.encode_pictures(scene(seed) for seed in range(3)))
    assert len(found) == 3
    for vectors in found:
        assert tuple(vector.space for vector in vectors) == encoder.picture_spaces
        for vector in vectors:
            assert vector.values.shape == (vector.space.dim,)
            assert vector.values.dtype == np.float32
            assert np.linalg.norm(vector.values) == pytest.approx(1, abs=1e-3)


def test_spaces_carry_the_model_s_name_and_fit_together(encoder: Encoder) -> None:
    assert encoder.similar_space in encoder.picture_spaces
    assert encoder.text_space is None or encoder.text_space in encoder.picture_spaces
    assert {space.model for space in encoder.picture_spaces} == {encoder.row.name}
    assert len({space.name for space in encoder.picture_spaces}) == len(encoder.picture_spaces)
    assert encoder.device


def test_the_same_picture_gives_the_same_vector_alone_and_in_company(encoder: Encoder) -> None:
    (alone,) = encoder.encode_pictures([scene(1)])
    among = list(encoder.encode_pictures([scene(seed) for seed in (4, 5, 1, 6)]))[2]
    for one, two in zip(alone, among, strict=True):
        assert cosine(one.values, two.values) >= SAME


def test_more_pictures_than_a_batch_come_back_in_order(encoder: Encoder) -> None:
    count = encoder.batch + 3
    found = list(encoder.encode_pictures(scene(seed) for seed in range(count)))
    assert len(found) == count
    (last,) = encoder.encode_pictures([scene(count - 1)])
    for one, two in zip(last, found[-1], strict=True):
        assert cosine(one.values, two.values) >= SAME


def test_pictures_are_taken_lazily_a_batch_at_a_time(encoder: Encoder) -> None:
    taken = 0

    def endless() -> Iterator[Picture]:
        nonlocal taken
        while True:
            taken += 1
            yield scene(taken % 7)

    assert len(list(islice(encoder.encode_pictures(endless()), 1))) == 1
    assert taken == encoder.batch


def test_no_pictures_and_no_texts_give_nothing(encoder: Encoder) -> None:
    assert list(encoder.encode_pictures([])) == []
    assert encoder.text_space is None or list(encoder.encode_words([])) == []


def test_different_pictures_differ_and_alike_ones_are_nearer(encoder: Encoder) -> None:
    place = [space.name for space in encoder.picture_spaces].index(encoder.similar_space.name)
    picture = scene(2, 180, 320)
    found = list(encoder.encode_pictures([picture, picture[6:-6, 10:-10], scene(3, 180, 320)]))
    one, cropped, other = (vectors[place].values for vectors in found)
    assert cosine(one, cropped) > cosine(one, other)
    assert cosine(one, other) < SAME


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 400), (400, 1), (3, 2), (64, 1000)])
def test_pictures_of_odd_shapes_are_encoded(encoder: Encoder, height: int, width: int) -> None:
    (vectors,) = encoder.encode_pictures([scene(9, height, width)])
    assert all(np.isfinite(vector.values).all() for vector in vectors)


def test_blank_pictures_of_every_colour_are_encoded_together(encoder: Encoder) -> None:
    colours = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    pictures = [np.full((90, 160, 3), colour, np.uint8) for colour in colours]
    assert len(list(encoder.encode_pictures(pictures))) == len(colours)


def test_a_repeated_picture_reuses_its_vector_value_for_value(encoder: Encoder) -> None:
    first, other, again = encoder.encode_pictures([scene(1), scene(2), scene(1)])
    for one, two, three in zip(first, other, again, strict=True):
        assert np.array_equal(one.values, three.values)
        assert not np.array_equal(one.values, two.values)


def test_a_text_gets_a_unit_vector_and_a_certainty(encoder: Encoder) -> None:
    if encoder.text_space is None:
        pytest.skip("this encoder has no words")
    texts = ["red", "a green meadow", "", "   ", "日本", "🙂", "word " * 400]
    found = list(encoder.encode_words(texts))
    assert len(found) == len(texts)
    for vector in found:
        assert vector.space == encoder.text_space
        assert vector.values.dtype == np.float32
        assert np.linalg.norm(vector.values) == pytest.approx(1, abs=1e-3)
        assert 0 <= vector.certainty <= 1
    assert found[2].certainty < 0.5, "nothing was asked"


def test_a_text_alone_and_in_company_means_the_same(encoder: Encoder) -> None:
    if encoder.text_space is None:
        pytest.skip("this encoder has no words")
    (alone,) = encoder.encode_words(["a yellow boat"])
    among = list(encoder.encode_words(["black", "a yellow boat", "white and grey houses by the sea"]))[1]
    assert cosine(alone.values, among.values) >= SAME
    assert alone.certainty == pytest.approx(among.certainty, abs=0.02)


def test_a_row_is_complete(encoder: Encoder) -> None:
    row = encoder.row
    assert row.name
    assert row.pretrained
    assert row.licence
    assert row.input_size > 0
    assert 0 <= row.match_cosine < 1
    assert encoder.prepare(scene(0)).shape[1:] == (row.input_size, 3)
