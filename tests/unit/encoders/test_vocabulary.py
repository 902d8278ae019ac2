from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heimdex.encoders.vocabulary import Vocabulary
from heimdex.errors import WeightsCorrupt
from heimdex.inference.weights import VerifiedFile

# Three classes named 0, 1 and 2 (the last has a second name, 3); 4 is a kind of the first two.
VECTORS = np.eye(6, dtype=np.float32)[:5]
VOCABULARY = Vocabulary(
    vectors=VECTORS,
    names=np.array([[0, 0], [1, 1], [2, 3]], np.int16),
    kinds=np.array([4], np.int16),
    members=np.array([[True, True, False]]),
)


def labels(*parts: tuple[int, float]) -> np.ndarray:
    sentence = np.zeros(6, np.float32)
    for place, value in parts:
        sentence[place] = value
    return VOCABULARY.labels(VOCABULARY.likeness(sentence))


def test_a_name_means_its_class() -> None:
    assert labels((1, 1.0)) == pytest.approx([0, 1, 0], abs=1e-3)


def test_either_name_means_the_class() -> None:
    assert labels((3, 1.0)) == pytest.approx(labels((2, 1.0)))


def test_a_kind_means_all_its_classes_alike() -> None:
    assert labels((4, 1.0)) == pytest.approx([0.5**0.5, 0.5**0.5, 0], abs=1e-3)


def test_a_kind_does_not_make_a_named_class_less_likely() -> None:
    assert labels((0, 1.0), (4, 0.2)).argmax() == 0


def test_a_label_vector_has_norm_1_however_vague_the_text() -> None:
    assert np.linalg.norm(labels()) == pytest.approx(1)


def test_certainty_rises_with_nearness_and_falls_with_broken_words() -> None:
    near, far = np.full(5, 0.8, np.float32), np.full(5, 0.3, np.float32)
    assert VOCABULARY.certainty(near, 0.0) > 0.99
    assert VOCABULARY.certainty(far, 0.0) < 0.01
    middling = np.full(5, 0.55, np.float32)
    assert VOCABULARY.certainty(middling, 0.0) > 0.5 > VOCABULARY.certainty(middling, 0.6)


def test_a_file_that_is_no_vocabulary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    for content in (b"", b"text", b"PK\x03\x04 and no more"):
        path.write_bytes(content)
        with pytest.raises(WeightsCorrupt, match=r"v\.npz"):
            Vocabulary.read(VerifiedFile(path=path, sha256=""))
