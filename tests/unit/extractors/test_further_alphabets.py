"""Further recognisers beside the shipped one, with random weights: up to their output's shape and text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heimdex.errors import ModelError, ModelUnavailable, WeightsCorrupt
from heimdex.extractors.alphabets import Alphabet
from heimdex.extractors.rapid_graphs import lines_of
from heimdex.extractors.rapid_ocr import RapidReader, ReaderOptions
from heimdex.inference.session import SessionOptions
from tests.random_ctc import CYRILLIC, FILES, HANGUL, make_alphabet
from tests.unit.extractors.test_rapid_ocr import page

SESSION = SessionOptions(precision="fp32", threads=1, requests=1, batches=(1,))


def alphabet(folder: Path, script: str = "Hang") -> Alphabet:
    return Alphabet(name="writing-any", script=script, folder=folder, graph=FILES[0], dictionary=FILES[1])


def reader(*alphabets: Alphabet) -> RapidReader:
    return RapidReader(ReaderOptions(threads=2, alphabets=alphabets))


def test_a_line_becomes_classes_of_its_alphabet(tmp_path: Path) -> None:
    graph = lines_of(alphabet(make_alphabet(tmp_path, HANGUL)), SESSION)
    classes = graph(np.zeros((1, 3, 48, 300), np.float32))
    assert classes.shape == (1, 320 // 8, len(HANGUL) + 2)
    assert np.allclose(classes.sum(axis=2), 1, atol=1e-4)
    assert graph.get_character_list() == list(HANGUL)


def test_a_surer_reading_in_its_own_alphabet_stands_for_the_line(tmp_path: Path) -> None:
    picture = page("Gate 12 closes", height=40)
    (line,) = reader(alphabet(make_alphabet(tmp_path, HANGUL))).read(picture)
    assert line.confidence > 0.9
    assert set(line.text) <= {*HANGUL, " "}
    assert len(line.text) > 3
    (again,) = reader(alphabet(tmp_path)).read(picture)
    assert again == line


def test_one_that_is_sure_of_nothing_leaves_the_shipped_reading(tmp_path: Path) -> None:
    unsure = alphabet(make_alphabet(tmp_path, HANGUL, sure=False))
    found = reader(unsure).read(page("Gate 12 closes at 17:45", height=40))
    assert [line.text for line in found] == ["Gate 12 closes at 17:45"]


def test_one_that_reads_another_alphabet_than_it_says_is_not_heard(tmp_path: Path) -> None:
    stranger = alphabet(make_alphabet(tmp_path, CYRILLIC), script="Hang")
    found = reader(stranger).read(page("Gate 12 closes", height=40))
    assert [line.text for line in found] == ["Gate 12 closes"]


def test_a_dictionary_in_the_graph_counts_before_the_file_beside_it(tmp_path: Path) -> None:
    graph = lines_of(alphabet(make_alphabet(tmp_path, HANGUL, told=True, listed=CYRILLIC)), SESSION)
    assert graph.get_character_list() == list(HANGUL)


def test_a_dictionary_of_another_graph_is_refused(tmp_path: Path) -> None:
    folder = make_alphabet(tmp_path, HANGUL, listed=HANGUL[:-1])
    with pytest.raises(ModelError, match="do not belong together"):
        lines_of(alphabet(folder), SESSION)


def test_what_is_damaged_or_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        lines_of(alphabet(tmp_path / "nowhere"), SESSION)
    folder = make_alphabet(tmp_path / "there", HANGUL)
    (folder / FILES[0]).write_bytes((folder / FILES[0]).read_bytes()[:-1] + b"?")
    with pytest.raises(WeightsCorrupt):
        lines_of(alphabet(folder), SESSION)
