"""Texts become numbers a words graph reads, by a tokenizer.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heimdex.errors import ModelUnavailable, WeightsCorrupt
from heimdex.inference.weights import MEND, VerifiedFile

UNKNOWN = "[UNK]"
CONTINUES = "##"  # how WordPiece marks a piece that is not the beginning of a word
LAST_LATIN = "\u024f"  # the last letter of Latin Extended-B


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """One text, cut into pieces the model knows."""

    numbers: NDArray[np.int64]  # (length,), its begin and end marks included
    broken: float  # share of the pieces, marks aside, that are no whole words in Latin letters; 0 without any
    pieces: int  # marks aside


class Tokenizer:
    """Cuts texts; what is longer than `max_tokens`, marks included, loses its end."""

    def __init__(self, file: VerifiedFile, max_tokens: int) -> None:
        """Raises ModelUnavailable without the tokenizers package, WeightsCorrupt for an unreadable file."""
        try:
            import tokenizers
        except ImportError as err:
            raise ModelUnavailable(f"tokenizers cannot be loaded ({err}). Reinstall Heimdex.") from err
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(file.path))
        except Exception as err:  # the package raises bare Exception
            raise WeightsCorrupt(f"{file.path} cannot be read as a tokenizer ({err}). {MEND}") from err
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def cut(self, text: str) -> Tokens:
        """A text as tokens. Any text will do, the empty one too."""
        encoded = self._tokenizer.encode(text)
        pieces = [
            piece
            for piece, mark in zip(encoded.tokens, encoded.special_tokens_mask, strict=True)
            if not mark or piece == UNKNOWN
        ]
        broken = sum(map(_is_broken, pieces))
        return Tokens(
            numbers=np.array(encoded.ids, np.int64),
            broken=broken / max(len(pieces), 1),
            pieces=len(pieces),
        )


def _is_broken(piece: str) -> bool:
    fragment = piece.startswith(CONTINUES) or piece == UNKNOWN
    return fragment or any(letter.isalpha() and letter > LAST_LATIN for letter in piece)
