"""What is said in a subtitle: without markup, notes for the deaf, positions and drawings."""

from __future__ import annotations

import html
import re

CHARACTERS_LIMIT = 2_000  # of one subtitle; a longer one is no subtitle
_BLOCK = re.compile(r"\{[^{}]*\}")
_DRAWS = re.compile(r"\\p(\d+)")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>|<\d[\d:.]*>|</?\d*>")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffc\x00-\x08\x0b-\x1f\x7f]"
)
_SQUARE = re.compile(r"\[[^\[\]]{0,300}\]|【[^【】]{0,300}】|［[^［］]{0,300}］", re.DOTALL)
# Round brackets are notes where they begin a line ("(laughs) I know") or are all of it; within a sentence
# they belong to it.
_ROUND = re.compile(r"^(?P<dash>\s*(?:[-–—‐]\s*)?)(?:\([^()]{0,300}\)|（[^（）]{0,300}）)\s*:?", re.MULTILINE)
_MUSIC = re.compile(r"[♩♪♫♬🎵🎶]+|^\s*#\s+|\s+#\s*$|^\s*\*\s+|\s+\*\s*$", re.MULTILINE)
_SPEAKER = re.compile(
    r"^(?P<dash>\s*(?:[-–—‐]\s*)?)(?P<name>[^\W\d_][^\n:a-zß-öø-ÿ]{1,30}):(?=\s|$)", re.MULTILINE
)


def spoken(raw: str) -> str:
    """The words of a subtitle, its lines kept apart by line ends; empty where it holds none.

    `raw` may hold the markup of SRT, WebVTT and ASS. Notes ([music], (door slams) at the beginning of a line,
    ♪) and names of speakers in capitals are left out, sung words are kept, and so are the dashes that tell
    speakers apart.
    """
    text = plain(raw)
    text = _SQUARE.sub(" ", text)
    text = _ROUND.sub(r"\g<dash>", text)
    text = _MUSIC.sub(" ", text)
    unnamed = _SPEAKER.sub(r"\g<dash>", text)
    if any(letter.islower() for letter in unnamed):  # all in capitals: it may as well be a sentence
        text = unnamed
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if any(letter.isalnum() for letter in line))


def plain(raw: str) -> str:
    """The text of a subtitle without its markup."""
    text = _undrawn(raw[: 4 * CHARACTERS_LIMIT])
    text = text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    text = html.unescape(_TAG.sub("", text))
    return _INVISIBLE.sub("", text.replace("\r", "\n"))[:CHARACTERS_LIMIT]


def _undrawn(text: str) -> str:
    """Without override blocks, and without the drawings some of them begin."""
    kept: list[str] = []
    drawing = False
    end = 0
    for block in _BLOCK.finditer(text):
        if not drawing:
            kept.append(text[end : block.start()])
        scales = _DRAWS.findall(block.group())
        if scales:
            drawing = int(scales[-1]) > 0
        end = block.end()
    if not drawing:
        kept.append(text[end:])
    return "".join(kept)
