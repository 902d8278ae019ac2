"""Characters that are taken for one another on a picture, folded to one class on both sides.

Chosen from what readers of plates and prints mix up: figures for capitals of the same outline (0 O Q,
1 I l |, 5 S, 8 B, 2 Z, 6 G), and the capitals that Cyrillic and Greek share with Latin (Russian plates use no
others). One character stays one character, so that a part of a string stays a part of it; `rn` for `m` is
therefore left alone.
"""

from __future__ import annotations

CLASSES = {
    "o": "0q〇",
    "l": "1i|丨",
    "s": "5",
    "b": "8",
    "z": "2",
    "g": "6",
}
_CYRILLIC = dict(zip("авекмнорстухіјѕ", "abekmhopctyxljs", strict=True))
_GREEK = dict(zip("αβεζηικμνορτυχ", "abezhlkmnoptyx", strict=True))
_TABLE = str.maketrans(
    _CYRILLIC | _GREEK | {member: name for name, members in CLASSES.items() for member in members}
)
_SIGNS = str.maketrans({"|": "l", "¦": "l"})  # of no letter's kind: they would divide words


def classed(folded: str) -> str:
    """Folded text with every character replaced by the one that stands for its class. Same length."""
    return folded.translate(_TABLE)


def readable(text: str) -> str:
    """A line as it is cut into words: signs that stand in for letters made letters."""
    return text.translate(_SIGNS)
