"""Which script a line is written in, by ISO 15924."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

COMMON = "Zyyy"  # digits and signs, which every script uses
SCRIPTS = {  # the word of Unicode's character names → code
    "LATIN": "Latn",
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "ARMENIAN": "Armn",
    "GEORGIAN": "Geor",
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "KANNADA": "Knda",
    "THAI": "Thai",
    "HANGUL": "Hang",
    "HIRAGANA": "Hira",
    "KATAKANA": "Kana",
    "BOPOMOFO": "Bopo",
    "CJK": "Hani",
}
WIDTHS = ("FULLWIDTH ", "HALFWIDTH ")
KANA = frozenset({"Hira", "Kana"})
ALIKE = frozenset({"Latn", "Cyrl", "Grek"})  # whose letters look like each other's


def script_of(text: str) -> str:
    """The script of most letters, e.g. "Latn", "Hani", "Hang", "Cyrl"; "Zyyy" where there are none.

    Han beside kana is Japanese, "Jpan", and beside Hangul Korean, "Hang", however few these are: Chinese has
    none of either.
    """
    found = Counter(script for script in map(_script, text) if script != COMMON)
    kana = sum(found.pop(script, 0) for script in KANA)
    if kana:
        found["Jpan"] = kana + found.pop("Hani", 0)
    elif found["Hang"]:
        found["Hang"] += found.pop("Hani", 0)
    if not found.total():
        return COMMON
    return max(found, key=lambda script: (found[script], script))


def holds(text: str, script: str) -> bool:
    """Whether a word of a text is written in one script altogether.

    A single letter tells nothing where others look the same (Cyrillic, Greek and Latin), unless it is all
    there is.
    """
    words = [[found for found in map(_script, word) if found != COMMON] for word in text.split()]
    words = [word for word in words if word]
    least = 2 if script in ALIKE and sum(map(len, words)) > 1 else 1
    return any(len(word) >= least and set(word) == {script} for word in words)


@lru_cache(maxsize=1 << 14)
def _script(character: str) -> str:
    if not character.isalpha():
        return COMMON  # digits and signs; also the sign of a long vowel, which stands between kana
    name = unicodedata.name(character, "")
    for width in WIDTHS:
        name = name.removeprefix(width)
    return SCRIPTS.get(name.partition(" ")[0].partition("-")[0], COMMON)
