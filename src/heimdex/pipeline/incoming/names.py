"""Names of files that others gave. They are shown, and never say where anything is written."""

from __future__ import annotations

import re
import unicodedata

LONGEST_BYTES = 180
NAMELESS = "upload"
_SEPARATORS = re.compile(r"[/\\\u2044\u2215\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c]")
_FORBIDDEN = re.compile(r'[<>:"|?*\ufffd]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_ENDING = re.compile(r"\.([A-Za-z0-9]{1,8})")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, direction marks, surrogates, not assigned


def safe_name(given: str | None) -> str:
    """The last part of a name, of letters that can be seen, at most 180 bytes of UTF-8, its ending kept.

    Without folders, controls, marks that turn the direction, leading dots, or names that systems reserve.
    """
    last = _SEPARATORS.split(given or "")[-1]
    seen = "".join(letter for letter in last if unicodedata.category(letter) not in _UNSEEN)
    text = _FORBIDDEN.sub("_", " ".join(unicodedata.normalize("NFC", seen).split())).strip(". ")
    if _RESERVED.fullmatch(text):
        text = f"_{text}"
    return _shortened(text) or NAMELESS


def ending(name: str) -> str:
    """A name's ending with its dot, small ASCII letters and digits; empty where it has none like that."""
    found = _ENDING.fullmatch(name[name.rfind(".") :]) if "." in name else None
    return found[0].lower() if found else ""


def _shortened(text: str) -> str:
    if len(text.encode()) <= LONGEST_BYTES:
        return text
    tail = ending(text)
    head = text[: len(text) - len(tail)].encode()[: LONGEST_BYTES - len(tail)]
    return head.decode("utf-8", "ignore").rstrip(". ") + text[len(text) - len(tail) :]
