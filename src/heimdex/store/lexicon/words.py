"""Folded text → words. Scripts written without spaces are cut into single characters.

After Unicode's word rules (UAX #29), without its dictionaries: letters, marks and digits belong together, an
apostrophe inside a word is passed over, everything else divides. What is not divided by spaces (Chinese,
Japanese, Korean with its endings, Thai, Lao, Khmer, Burmese) is compared by pairs of neighbouring characters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from heimdex.store.lexicon.folding import fold

LONGEST_WORD = 64  # characters; what is longer is no word, and is cut
_APOSTROPHE = "'’ʼ‘`´＇"
_ELIDED = frozenset("l d j m t s c n qu lorsqu jusqu puisqu dell nell sull dall all un".split())
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:['`][a-z0-9]+)*")
_HYPHENS = "-\u2010\u2011"
_SOFT = str.maketrans(dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff"))  # seen by nobody
_GRAMMED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"  # jamo, kana
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"  # ideographs, Hangul
    "\U00020000-\U0003ffff"
)
_GRAM = re.compile(f"[{_GRAMMED}]")
_LEADING_MARKS = re.compile(rf"^[^\w{_GRAMMED}]+")  # of another script, on a character that stands for itself


def words(text: str) -> list[str]:
    """The words of a text in order, folded."""
    return words_of_folded(fold(text.translate(_SOFT)))


def words_of_folded(folded: str) -> list[str]:
    """The words of a text that is folded already."""
    if folded.isascii():
        found = _ASCII_WORD.findall(folded)
        if "'" not in folded and "`" not in folded and max(map(len, found), default=0) <= LONGEST_WORD:
            return found
    else:
        found = _pattern().findall(folded)
    return [word for chunk in found for word in _parts(chunk)]


def compounds(text: str) -> list[str]:
    """Words that hyphens divide, as one: `e-mail` is also found as `email`."""
    folded = fold(text.translate(_SOFT))
    if not any(hyphen in folded for hyphen in _HYPHENS):
        return []
    joined = []
    for chunk in folded.split():
        parts = [part for part in re.split(f"[{_HYPHENS}]", chunk) if part]
        pieces = [word for part in parts for word in words_of_folded(part)]
        if 2 <= len(pieces) <= 4 and len(pieces) == len(parts) and not any(map(is_gram, pieces)):
            joined.append("".join(pieces)[:LONGEST_WORD])
    return joined


def is_gram(word: str) -> bool:
    """Whether a word is a single character of a script that is compared by pairs."""
    return len(word) == 1 and word > "\u0dff" and _GRAM.match(word) is not None


def is_pair(word: str) -> bool:
    """Whether it is two characters of such scripts."""
    return len(word) == 2 and is_gram(word[0]) and is_gram(word[1])


def pairs(found: list[str]) -> list[str]:
    """The pairs of neighbouring characters among words; spaces between them do not count."""
    if all(word.isascii() for word in found):
        return []
    grams = [is_gram(word) for word in found]
    return [
        found[place] + found[place + 1]
        for place in range(len(found) - 1)
        if grams[place] and grams[place + 1]
    ]


def _parts(chunk: str) -> list[str]:
    """A run of letters: whole, or after its elided article, or character by character."""
    if any(mark in chunk for mark in _APOSTROPHE):
        before, _, after = chunk.replace("’", "'").replace("`", "'").partition("'")
        if before in _ELIDED and len(after) >= 3:
            return [before, *_parts(after)]
        chunk = "".join(char for char in chunk if char not in _APOSTROPHE)
        if not chunk:  # one of these signs counts as a letter, and may stand alone
            return []
    if chunk.isascii() or not _GRAM.search(chunk):
        return [chunk[:LONGEST_WORD]]
    pieces = (_LEADING_MARKS.sub("", piece) for piece in re.split(f"([{_GRAMMED}])", chunk))
    return [piece[:LONGEST_WORD] for piece in pieces if piece]


@cache
def _pattern() -> re.Pattern[str]:
    """Letters and digits with the marks that belong to them, apostrophes inside.

    Where characters are compared one by one a mark is one of them: a Thai vowel sign may stand alone.
    """
    marks = [chr(code) for code in range(0x300, 0xABFF) if unicodedata.category(chr(code)) in ("Mn", "Mc")]
    alone = "".join(mark for mark in marks if _GRAM.match(mark))
    inside = rf"(?:[^\W_]|[{''.join(marks)}])"
    return re.compile(rf"(?:[^\W_]|[{alone}]){inside}*(?:[{_APOSTROPHE}]{inside}+)*")
