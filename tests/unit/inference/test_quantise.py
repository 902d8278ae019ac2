from __future__ import annotations

import numpy as np
import pytest

from heimdex.errors import UsageError
from heimdex.inference.quantise import Rows, divide, int8_row, measure_loss


def units(rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Rows:
    found: Rows = np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
    return found


@pytest.fixture
def rows() -> Rows:
    return units(np.random.default_rng(3).standard_normal((60, 16)))


def test_vectors_that_did_not_change_lose_nothing(rows: Rows) -> None:
    loss = measure_loss(rows, rows)
    assert loss.pictures == 60
    assert loss.least_cosine == pytest.approx(1.0)
    assert loss.recall_at_10 == 1.0
    assert loss.rank_correlation == pytest.approx(1.0)


def test_a_turned_space_keeps_its_neighbours_though_no_vector_stays(rows: Rows) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(4).standard_normal((16, 16)))
    loss = measure_loss(rows, units(rows @ turn))
    assert loss.mean_cosine < 0.5
    assert loss.recall_at_10 > 0.99
    assert loss.rank_correlation > 0.999


def test_vectors_of_other_pictures_lose_their_neighbours(rows: Rows) -> None:
    loss = measure_loss(rows, units(np.random.default_rng(5).standard_normal((60, 16))))
    assert loss.recall_at_10 < 0.4  # chance is 10 of 59
    assert abs(loss.rank_correlation) < 0.2


def test_more_noise_costs_more_of_everything(rows: Rows) -> None:
    noise = np.random.default_rng(6).standard_normal(rows.shape)
    little, much = (measure_loss(rows, units(rows + share * noise)) for share in (0.01, 0.2))
    assert little.mean_cosine > much.mean_cosine
    assert little.least_cosine > much.least_cosine
    assert little.recall_at_10 > much.recall_at_10
    assert little.rank_correlation > much.rank_correlation


def test_ranges_and_loss_never_see_the_same_picture() -> None:
    learnt, checked = divide(list(range(100)))
    assert not set(learnt) & set(checked)
    assert len(learnt) == len(checked) == 50


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="Index more"):
        divide(list(range(47)))


def test_an_int8_model_has_a_name_and_files_of_its_own_and_keeps_the_words() -> None:
    row = {
        "name": "clip",
        "precision": "fp32",
        "aliases": ["CLIP"],
        "repository": "somewhere/clip",
        "files": ["vision.onnx", "vision.onnx_data", "text.onnx", "tokenizer.json"],
        "picture_file": "vision.onnx",
        "words_file": "text.onnx",
        "activation": "quick_gelu",
    }
    made = int8_row(row, "pictures-int8.xml", ["vision.onnx", "vision.onnx_data"])
    assert made["name"] == "clip-int8"
    assert made["precision"] == "int8"
    assert made["files"] == ["pictures-int8.xml", "pictures-int8.bin", "text.onnx", "tokenizer.json"]
    assert (made["words_file"], made["activation"]) == ("text.onnx", "quick_gelu")
    assert (made["aliases"], made["repository"]) == ([], None)
