"""The starter is what it was: its vectors, what it finds, what it knows that it does not know."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heimdex.encoders.catalog import LoadOptions, load
from heimdex.encoders.encoder import Encoder, is_understood
from heimdex.entities import Picture
from heimdex.inference.session import Precision
from tests.golden.starter_canon import VECTORS, vectors

# Cosine. On made pictures, whose even surfaces it must guess at, the net feels bf16 more than on photos.
SAME: dict[Precision, float] = {"fp32": 0.999, "auto": 0.99}
PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
EVERY = 8  # photos: one in eight keeps the test quick

ORDINARY = (
    "a dog on the beach",
    "red car",
    "cat sleeping on a sofa",
    "mountain lake",
    "old church",
    "coffee cup",
    "people at a restaurant",
    "a bird",
    "vizsla",
    "computer keyboard",
    "a photo of an elephant",
    "FIRE TRUCK",
)
BEYOND = (
    "asdkjh qwe zxcv",
    "blarg fnord zibble",
    "ein roter Traktor auf dem Feld",
    "une femme avec un parapluie",
    "dzieci bawiące się w parku",
    "公園で遊ぶ子供たち",
    "собака на пляже",
    "the meaning of life",
    "quarterly earnings report",
    "linear algebra homework",
    "",
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load("starter", LoadOptions(threads=2))


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_made_pictures_and_texts_have_their_canonical_vectors(precision: Precision) -> None:
    found = vectors(load("starter", LoadOptions(precision=precision, threads=2)))
    with np.load(VECTORS) as canon:
        assert set(canon.files) == set(found)
        for name in canon.files:
            wanted = canon[name].astype(np.float64)
            wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
            assert ((wanted * found[name]).sum(axis=1) >= SAME[precision]).all(), name


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_query_is_understood(encoder: Encoder, text: str) -> None:
    assert is_understood(next(encoder.encode_words([text])))


@pytest.mark.parametrize("text", BEYOND)
def test_nonsense_other_languages_and_abstract_words_are_not(encoder: Encoder, text: str) -> None:
    assert not is_understood(next(encoder.encode_words([text])))


def test_a_search_by_words_does_not_load_the_picture_tower() -> None:
    fresh = load("starter", LoadOptions(threads=2))
    next(fresh.encode_words(["a dog"]))
    assert vars(fresh)["_pictures"] is None
    assert vars(fresh)["_words"] is not None


def photographs() -> Iterator[tuple[str, Picture]]:
    with (PHOTOS / "labels.csv").open() as source:
        for row in list(csv.DictReader(source))[::EVERY]:
            yield row["words"], np.asarray(Image.open(PHOTOS / row["file"]).convert("RGB"))


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photos of the test data are not beside the repository")
def test_photos_are_found_by_the_words_of_what_they_show(encoder: Encoder) -> None:
    words, pixels = zip(*photographs(), strict=True)
    found = np.stack([labels.values for labels, _ in encoder.encode_pictures(pixels)])
    asked = np.stack([vector.values for vector in encoder.encode_words(words)])
    scores = asked @ found.T
    ranks = (scores > np.diag(scores)[:, np.newaxis]).sum(axis=1)
    assert len(words) >= 50
    assert (ranks == 0).mean() >= 0.9
    assert (ranks < 5).mean() >= 0.97
