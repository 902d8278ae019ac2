"""The same numbers for the same texts, whatever the texts are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import transformers

from heimdex.encoders.cleaning import clean_for_clip, clean_for_siglip, clean_for_siglip2, clean_for_xlm
from heimdex.encoders.clip import CLIP
from heimdex.inference.tokens import MarkedTokenizer
from heimdex.inference.weights import VerifiedFile
from tests.parity.vocabularies import NASTY, PLAIN, clip_tokenizer


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_tokenizer(tmp_path_factory.mktemp("clip") / "tokenizer.json")


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text)[:30])
def test_clip_s_numbers_are_open_clip_s(vocabulary: Path, text: str) -> None:
    tokenizer = MarkedTokenizer(VerifiedFile(path=vocabulary, sha256=""), CLIP, 77)
    found = tokenizer.rows([clean_for_clip(text)], 77).numbers
    assert np.array_equal(found, open_clip.get_tokenizer("ViT-B-32")([text]).numpy())


def test_clip_s_numbers_are_transformers_but_for_padding(vocabulary: Path) -> None:
    tokenizer = MarkedTokenizer(VerifiedFile(path=vocabulary, sha256=""), CLIP, 77)
    theirs = transformers.CLIPTokenizer.from_pretrained(vocabulary.parent)
    for text in PLAIN:
        wanted = theirs(text, truncation=True, max_length=77)["input_ids"]
        found = tokenizer.rows([clean_for_clip(text)])
        assert found.numbers[0][found.mask[0] > 0].tolist() == wanted, text


@pytest.mark.parametrize("text", NASTY, ids=lambda text: ascii(text)[:30])
def test_texts_are_cleaned_as_open_clip_does(text: str) -> None:
    clean = open_clip.tokenizer.get_clean_fn
    assert clean_for_clip(text) == clean("lower")(text)
    assert clean_for_siglip(text) == clean("canonicalize")(text)
    assert clean_for_xlm(text) == clean("whitespace")(text)


def test_siglip_2_s_letters_are_lowered_as_transformers_does() -> None:
    lower = transformers.Siglip2Tokenizer()._tokenizer.normalizer
    for text in NASTY:
        assert clean_for_siglip2(text).replace(" ", "▁") == lower.normalize_str(text)
