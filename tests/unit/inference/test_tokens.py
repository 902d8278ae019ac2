from __future__ import annotations

from pathlib import Path

import pytest

from heimdex.encoders.row import WEIGHTS_FOLDER
from heimdex.errors import WeightsCorrupt
from heimdex.inference.tokens import MarkedTokenizer, Marks, Tokenizer, foreign_share
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


BERT = Marks(begin="[CLS]", end="[SEP]", padding="[PAD]")


@pytest.fixture(scope="module")
def marked() -> MarkedTokenizer:
    file = VerifiedFile(path=WEIGHTS_FOLDER / "starter-tokenizer.json", sha256="")
    return MarkedTokenizer(file, BERT, 16)


def test_rows_are_marked_padded_and_masked(marked: MarkedTokenizer) -> None:
    found = marked.rows(["a dog", "", "a dog on the beach"])
    assert found.numbers.tolist() == [
        [101, 1037, 3899, 102, 0, 0, 0],
        [101, 102, 0, 0, 0, 0, 0],
        [101, 1037, 3899, 2006, 1996, 3509, 102],
    ]
    assert found.mask.sum(axis=1).tolist() == [4, 2, 7]
    assert found.pieces.tolist() == [2, 0, 5]


def test_rows_are_as_long_as_asked_or_a_multiple_of_the_step(marked: MarkedTokenizer) -> None:
    assert marked.rows(["a dog"], 16).numbers.shape == (1, 16)
    assert marked.rows(["a dog"], step=8).numbers.shape == (1, 8)
    assert marked.rows(["dog " * 14], step=12).numbers.shape == (1, 16)
    assert marked.rows([]).numbers.shape == (0, 0)


def test_a_text_that_is_cut_keeps_its_end_mark(marked: MarkedTokenizer) -> None:
    found = marked.rows(["dog " * 50])
    assert found.numbers[0].tolist() == [101, *[3899] * 14, 102]
    assert found.pieces[0] == 50


def test_a_mark_s_name_in_a_text_is_text(marked: MarkedTokenizer) -> None:
    assert marked.rows(["a [SEP] b"]).numbers[0].tolist().count(102) == 1


def test_what_is_no_unicode_is_read_all_the_same(marked: MarkedTokenizer) -> None:
    assert marked.rows(["dog \udcff"]).numbers.shape[0] == 1


def test_a_vocabulary_without_the_marks_is_of_another_model() -> None:
    file = VerifiedFile(path=WEIGHTS_FOLDER / "starter-tokenizer.json", sha256="")
    with pytest.raises(WeightsCorrupt, match="no mark '<|startoftext|>'".replace("|", r"\|")):
        MarkedTokenizer(file, Marks(begin="<|startoftext|>", end="<|endoftext|>", padding=0), 77)


@pytest.mark.parametrize(
    ("text", "share"), [("", 0.0), ("12 !?", 0.0), ("café", 0.0), ("ab犬猫", 0.5), ("собака", 1.0)]
)
def test_letters_that_are_not_latin_are_counted(text: str, share: float) -> None:
    assert foreign_share(text) == share
