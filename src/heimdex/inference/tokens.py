"""Texts become numbers a words graph reads, by a tokenizer.json."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """The marks a model was trained with, as its vocabulary writes them."""

    begin: str | None  # stands first; None: nothing does
    end: str  # stands last, also of a text that was cut
    padding: str | int  # fills up what is shorter; a number where no mark was meant


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenRows:
    """Texts as one array."""

    numbers: NDArray[np.int64]  # (n, length)
    mask: NDArray[np.int64]  # (n, length), 0 where padding stands
    pieces: NDArray[np.int64]  # (n,), of each text, marks aside


class Tokenizer:
    """Cuts texts; what is longer than `max_tokens`, marks included, loses its end."""

    def __init__(self, file: VerifiedFile, max_tokens: int) -> None:
        """Raises ModelUnavailable without the tokenizers package, WeightsCorrupt for an unreadable file."""
        self._tokenizer = open_tokenizer(file)
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


class MarkedTokenizer:
    """Cuts texts and sets the marks itself: what a tokenizer.json says of marks depends on who saved it."""

    def __init__(self, file: VerifiedFile, marks: Marks, max_tokens: int) -> None:
        """Raises WeightsCorrupt for a file that cannot be read, or does not know a mark."""
        self._tokenizer = open_tokenizer(file)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._tokenizer.encode_special_tokens = True  # a mark's name in a text is text
        self._max_tokens = max_tokens
        self._begin = [] if marks.begin is None else [self._number(file, marks.begin)]
        self._end = self._number(file, marks.end)
        padding = marks.padding
        self._padding = padding if isinstance(padding, int) else self._number(file, padding)

    def rows(self, texts: Sequence[str], length: int | None = None, step: int = 1) -> TokenRows:
        """Texts as numbers, each padded to `length` or, without it, to the longest rounded up to `step`.

        What is longer than `max_tokens` loses its end, but not its end mark.
        """
        kept = self._max_tokens - len(self._begin) - 1
        encoded = self._tokenizer.encode_batch([_encodable(text) for text in texts], add_special_tokens=False)
        cut = [[*self._begin, *one.ids[:kept], self._end] for one in encoded]
        longest = max(map(len, cut), default=0)
        width = length or min(-(-longest // step) * step, self._max_tokens)
        numbers = np.full((len(cut), width), self._padding, np.int64)
        mask = np.zeros((len(cut), width), np.int64)
        for index, one in enumerate(cut):
            numbers[index, : len(one)], mask[index, : len(one)] = one, 1
        return TokenRows(
            numbers=numbers, mask=mask, pieces=np.array([len(one.ids) for one in encoded], np.int64)
        )

    def _number(self, file: VerifiedFile, mark: str) -> int:
        found = self._tokenizer.token_to_id(mark)
        if found is None:
            raise WeightsCorrupt(f"{file.path} is of another model: it has no mark {mark!r}. {MEND}")
        return int(found)


def open_tokenizer(file: VerifiedFile) -> Any:
    """A tokenizer.json, as the tokenizers package reads it.

    Raises ModelUnavailable without that package, WeightsCorrupt for an unreadable file.
    """
    try:
        import tokenizers
    except ImportError as err:
        raise ModelUnavailable(f"tokenizers cannot be loaded ({err}). Reinstall Heimdex.") from err
    try:
        return tokenizers.Tokenizer.from_file(str(file.path))
    except Exception as err:  # the package raises bare Exception
        raise WeightsCorrupt(f"{file.path} cannot be read as a tokenizer ({err}). {MEND}") from err


def foreign_share(text: str) -> float:
    """The share of a text's letters that are not Latin, 0-1; 0 of a text without letters."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter > LAST_LATIN for letter in letters) / max(len(letters), 1)


def _encodable(text: str) -> str:
    # A lone surrogate, from a file name that is no UTF-8, has no bytes for the tokenizer to read.
    return text.encode("utf-8", "replace").decode()


def _is_broken(piece: str) -> bool:
    fragment = piece.startswith(CONTINUES) or piece == UNKNOWN
    return fragment or any(letter.isalpha() and letter > LAST_LATIN for letter in piece)
