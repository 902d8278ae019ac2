from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heimdex.encoders.clip import ClipEncoder
from heimdex.encoders.files import ModelFiles
from heimdex.encoders.row import Activation
from heimdex.encoders.siglip import SiglipEncoder
from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt
from heimdex.inference import graphs
from tests.onnx_writer import OnnxWriter
from tests.random_weights import SMALL, manifest, picture_net, words_net
from tests.unit.encoders.made import small

CLIP = "clip-vit-b-32-openai"
PICTURE = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)


def test_the_dimension_is_read_from_the_graph(tmp_path: Path) -> None:
    row, options = small(CLIP, tmp_path)
    encoder = ClipEncoder(row, options)
    assert encoder.text_space == encoder.similar_space == encoder.picture_spaces[0]
    assert (encoder.similar_space.name, encoder.similar_space.dim) == ("joint", SMALL.dim)


def test_describing_a_model_a_second_time_reads_no_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, options = small(CLIP, tmp_path)
    first = ClipEncoder(row, options).picture_spaces
    monkeypatch.setattr(graphs, "read", None)
    assert ClipEncoder(row, options).picture_spaces == first


def test_words_open_no_picture_tower_and_pictures_no_words(tmp_path: Path) -> None:
    row, options = small(CLIP, tmp_path)
    encoder = ClipEncoder(row, options)
    next(encoder.encode_words(["a dog"]))
    assert vars(encoder)["_pictures"] is None
    other = ClipEncoder(row, options)
    next(other.encode_pictures([PICTURE]))
    assert vars(other)["_words"] is None


@pytest.mark.parametrize(
    ("trained", "computed", "accepted"),
    [
        ("quick_gelu", "quick_gelu", True),
        ("quick_gelu", "gelu", False),
        ("gelu", "quick_gelu", False),
        ("gelu", "gelu_tanh", True),
        ("gelu_tanh", "gelu", True),
        ("gelu_tanh", "quick_gelu", False),
    ],
)
def test_weights_and_graph_that_disagree_about_the_activation_are_refused(
    tmp_path: Path, trained: Activation, computed: Activation, accepted: bool
) -> None:
    row, options = small(CLIP, tmp_path, activation=computed)
    row = replace(row, activation=trained)
    if accepted:
        ClipEncoder(row, options)
        return
    with pytest.raises(ModelError, match=rf"vision_model\.onnx computes {computed}.*openai.*{trained}"):
        ClipEncoder(row, options)


def test_words_with_another_activation_are_refused_when_they_are_opened(tmp_path: Path) -> None:
    row, options = small(CLIP, tmp_path)
    place = tmp_path / row.name
    words_net(replace(row, activation="gelu"), SMALL, place / str(row.words_file))
    manifest(row, place)
    encoder = ClipEncoder(row, options)
    with pytest.raises(ModelError, match=r"text_model\.onnx computes gelu.*quick_gelu"):
        next(encoder.encode_words(["a dog"]))


def test_a_graph_without_any_known_activation_is_refused(tmp_path: Path) -> None:
    row, options = small(CLIP, tmp_path)
    writer = OnnxWriter()
    pooled = writer.op("GlobalAveragePool", writer.input("pixels", "float32", (None, 3, 224, 224)))
    writer.named("Flatten", "embedding", pooled)
    writer.output("embedding", "float32", (None, 3))
    writer.save(tmp_path / row.name / str(row.picture_file))
    manifest(row, tmp_path / row.name)
    with pytest.raises(ModelError, match="none of the known activations"):
        ClipEncoder(row, options)


def test_towers_of_different_models_are_refused(tmp_path: Path) -> None:
    row, options = small(CLIP, tmp_path)
    place = tmp_path / row.name
    words_net(row, replace(SMALL, dim=20), place / str(row.words_file))
    manifest(row, place)
    encoder = ClipEncoder(row, options)
    with pytest.raises(ModelError, match="words have 20 dimensions, pictures 24"):
        next(encoder.encode_words(["a dog"]))


def test_a_graph_for_one_item_at_a_time_encodes_many_all_the_same(tmp_path: Path) -> None:
    row, options = small(CLIP, tmp_path)
    place = tmp_path / row.name
    pictures = [np.full((60, 80, 3), level, np.uint8) for level in (10, 90, 170, 250)]
    many = [vector.values for (vector,) in ClipEncoder(row, options).encode_pictures(pictures)]
    picture_net(row, SMALL, place / str(row.picture_file), batch=1)
    manifest(row, place)
    single = [vector.values for (vector,) in ClipEncoder(row, options).encode_pictures(pictures)]
    assert np.allclose(many, single, atol=1e-5)


def test_a_picture_graph_of_another_size_is_refused(tmp_path: Path) -> None:
    row, options = small(CLIP, tmp_path)
    encoder = ClipEncoder(replace(row, input_size=160), options)
    with pytest.raises(ModelError, match="pictures of 160 px"):
        next(encoder.encode_pictures([PICTURE]))


def test_letters_of_another_script_are_not_understood_by_an_english_model(tmp_path: Path) -> None:
    english = ClipEncoder(*small(CLIP, tmp_path))
    plain, mixed, other, blank = (v.certainty for v in english.encode_words(["dog", "ab собака", "犬", " "]))
    assert (plain, other, blank) == (1.0, 0.0, 0.0)
    assert 0 < mixed < 0.5
    multilingual = SiglipEncoder(*small("siglip2-base-patch32-256", tmp_path))
    assert next(multilingual.encode_words(["犬"])).certainty == 1.0


def test_a_match_has_the_probability_the_model_was_trained_with(tmp_path: Path) -> None:
    encoder = SiglipEncoder(*small("siglip-base-patch16-224", tmp_path))
    assert encoder.probability(12.932437 / 117.330795) == pytest.approx(0.5)
    assert encoder.probability(0.0) < 1e-5 < encoder.probability(0.1) < encoder.probability(0.2)


def test_files_of_weights_beside_a_graph_change_its_checksum(tmp_path: Path) -> None:
    row, options = small("bge-m3", tmp_path)
    before = ModelFiles(row, options).graph(row.words_file).sha256
    data = tmp_path / row.name / "onnx/model.onnx_data"
    data.write_bytes(b"\0" * 8 + data.read_bytes()[8:])
    manifest(row, tmp_path / row.name)
    assert ModelFiles(row, options).graph(row.words_file).sha256 != before
    data.write_bytes(b"\1" * data.stat().st_size)
    with pytest.raises(WeightsCorrupt, match="onnx_data"):
        ModelFiles(row, options).graph(row.words_file)


def test_a_model_that_was_not_pulled_says_so(tmp_path: Path) -> None:
    row, options = small(CLIP, tmp_path)
    with pytest.raises(ModelUnavailable, match="heimdex models pull"):
        ClipEncoder(row, replace(options, weights_dir=tmp_path / "nowhere"))


def test_two_threads_share_one_tower(tmp_path: Path) -> None:
    encoder = ClipEncoder(*small(CLIP, tmp_path))
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(next(encoder.encode_words(["a dog"])).values))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(one, found[0]) for one in found)
