from __future__ import annotations

from pathlib import Path

import pytest

from heimdex.encoders.row import WEIGHTS_FOLDER
from heimdex.errors import WeightsCorrupt
from heimdex.inference.tokens import Tokenizer
from heimdex.inference.weights import VerifiedFile


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    file = VerifiedFile(path=WEIGHTS_FOLDER / "starter-tokenizer.json", sha256="")
    return Tokenizer(file, 64)


def test_plain_words_are_whole(tokenizer: Tokenizer) -> None:
    found = tokenizer.cut("A dog on the Beach")
    assert found.numbers.tolist() == [101, 1037, 3899, 2006, 1996, 3509, 102]
    assert (found.pieces, found.broken) == (5, 0.0)


def test_nonsense_falls_apart(tokenizer: Tokenizer) -> None:
    assert tokenizer.cut("zxcvb qwrtp").broken > 0.5


def test_signs_it_does_not_know_count_as_broken(tokenizer: Tokenizer) -> None:
    assert tokenizer.cut("🙂").broken == 1.0


def test_signs_of_another_script_count_as_broken_though_they_are_known(tokenizer: Tokenizer) -> None:
    assert tokenizer.cut("海").broken == tokenizer.cut("ж").broken == 1.0
    assert tokenizer.cut("café").broken == 0.0


def test_no_words_are_no_pieces(tokenizer: Tokenizer) -> None:
    found = tokenizer.cut("  ")
    assert (found.numbers.tolist(), found.pieces, found.broken) == ([101, 102], 0, 0.0)


def test_a_long_text_loses_its_end(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.cut("dog " * 500).numbers) == 64


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(WeightsCorrupt, match=r"t\.json"):
        Tokenizer(VerifiedFile(path=tmp_path / "t.json", sha256=""), 64)
