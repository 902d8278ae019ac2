"""One spelling for what people take for the same: case, width, kana and accents, in Python only.

The database compares code points, so both sides have to come through here.
"""

from __future__ import annotations

import unicodedata

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ё": "е"}
)
# Katakana to hiragana, ァ–ヶ and the two iteration marks.
_KANA = {code: code - 0x60 for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)}
# Scripts whose marks are folded away: the letters without them are the same word to who types in a hurry.
# Elsewhere a mark is a vowel (Devanagari, Thai), a voiced sound (kana) or another letter (Cyrillic й).
_MARKED = (
    (0x0041, 0x024F),  # Latin
    (0x1E00, 0x1EFF),
    (0x0370, 0x03FF),  # Greek
    (0x1F00, 0x1FFF),
    (0x0590, 0x05FF),  # Hebrew
    (0x0600, 0x06FF),  # Arabic
)


def fold(text: str) -> str:
    """NFKC, case folded (ß → ss), katakana as hiragana, marks off Latin, Greek, Hebrew and Arabic letters.

    ä becomes a, not ae: names are typed so on keyboards that lack it, and OCR drops the dots.
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    parts = unicodedata.normalize("NFD", folded)
    kept: list[str] = []
    base = ""
    for char in parts:
        if unicodedata.combining(char):
            if not _loses_marks(base):
                kept.append(char)
        else:
            base = char
            kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept)).translate(_LETTERS).translate(_KANA)


def _loses_marks(base: str) -> bool:
    return bool(base) and any(low <= ord(base) <= high for low, high in _MARKED)
