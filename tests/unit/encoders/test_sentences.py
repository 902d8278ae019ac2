from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heimdex.encoders import catalog
from heimdex.encoders.catalog import LoadOptions
from heimdex.encoders.resnet import ResnetEncoder
from heimdex.encoders.text import SentenceEncoder, pooled
from heimdex.errors import ModelError, ModelUnavailable
from tests.conformance.fakes import FakeEncoder
from tests.unit.encoders.made import small


def test_the_starter_s_sentences_know_what_belongs_together() -> None:
    encoder = catalog.load_text("starter-sentences", LoadOptions(threads=2))
    texts = ["a dog plays in the snow", "a puppy runs through winter", "quarterly tax report", ""]
    one, near, far, nothing = encoder.encode(texts)
    assert (encoder.space.name, encoder.space.dim) == ("text", 384)
    assert one.values @ near.values > one.values @ far.values + 0.2
    assert (one.certainty, nothing.certainty) == (1.0, 0.0)


def test_the_starter_gives_the_sentences_of_its_sentence_model_without_a_second_run() -> None:
    starter, sentences = catalog.load("starter"), catalog.load_text("starter-sentences")
    texts = ["a dog plays in the snow", "42", "", "Straße 東京 " * 40]
    for ours, theirs in zip(starter.sentences(texts), sentences.encode(texts, "query"), strict=True):
        assert ours.space == theirs.space
        assert ours.certainty == theirs.certainty
        assert ours.values @ theirs.values > 0.9995
    assert FakeEncoder().sentences(texts) == []


@pytest.mark.parametrize("name", ["bge-m3", "multilingual-e5-small", "all-minilm-l6-v2"])
def test_company_does_not_change_a_sentence(tmp_path: Path, name: str) -> None:
    encoder = SentenceEncoder(*small(name, tmp_path))
    (alone,) = encoder.encode(["a dog"])
    among = list(encoder.encode(["a much longer sentence about cats", "a dog", "x"]))[1]
    assert np.allclose(alone.values, among.values, atol=1e-5)


def test_pooling_takes_the_first_token_or_the_mean_of_the_unmasked() -> None:
    values = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    mask = np.array([[1, 1, 0]])
    assert np.array_equal(pooled(values, mask, "first"), [[0, 1, 2, 3]])
    assert np.array_equal(pooled(values, mask, "mean"), [[2, 3, 4, 5]])


def test_a_resnet_has_features_and_no_words(tmp_path: Path) -> None:
    encoder = ResnetEncoder(*small("resnet50-imagenet", tmp_path))
    (vectors,) = encoder.encode_pictures([np.full((80, 60, 3), 99, np.uint8)])
    assert [(vector.space.name, vector.space.dim) for vector in vectors] == [("features", 256)]
    assert encoder.text_space is None
    with pytest.raises(ModelUnavailable, match="pictures only"):
        list(encoder.encode_words(["a dog"]))


def test_a_picture_model_is_no_sentence_model_and_the_other_way_round(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not for sentences"):
        catalog.load_text("resnet50-imagenet", LoadOptions(models_dir=tmp_path))
    with pytest.raises(ModelUnavailable, match=r"texts by meaning.*knows no pictures"):
        catalog.load("bge-m3", LoadOptions(models_dir=tmp_path))


def test_a_graph_that_gives_pictures_is_no_sentence_model(tmp_path: Path) -> None:
    row, options = small("resnet50-imagenet", tmp_path, words_file="onnx/model.onnx")
    with pytest.raises(ModelError, match="no sentences or tokens"):
        SentenceEncoder(row, options)
