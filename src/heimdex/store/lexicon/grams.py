"""Terms of writing: words, and edge-padded trigrams, by which any part of two characters or more is found.

Windows of three characters lie over each word with its edges marked (`^ab`, `ab$`), and over the whole line
without its spaces, so that neither a space that the reader put in nor one it lost matters.
"""

from __future__ import annotations

from collections.abc import Sequence

from heimdex.store.lexicon.confusables import classed

FIRST, LAST = "^", "$"  # the edges of a word; no word holds them
SIZE = 3


def string_terms(line: Sequence[str]) -> set[str]:
    """The terms of a line, given as its folded words."""
    found = {whole(word) for word in line}
    found.update(gram for word in line for gram in windows(whole(word)))
    return found | set(windows(whole("".join(line))))


def whole(word: str) -> str:
    """The term of a folded word that stands by itself."""
    return FIRST + classed(word) + LAST


def inner(text: str) -> list[str]:
    """The windows of a folded part of a string, without edges: what every line that holds it has."""
    return list(dict.fromkeys(windows(classed(text))))


def windows(text: str) -> list[str]:
    """Every run of three characters; none in a shorter text."""
    return [text[place : place + SIZE] for place in range(len(text) - SIZE + 1)]
