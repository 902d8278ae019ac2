"""Bytes of a subtitle file become text, whatever they were written with (decision 0027)."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import charset_normalizer

SAMPLE_BYTES = 1 << 17  # enough to tell an encoding by
BROKEN_SHARE = 0.05  # of the characters beyond ASCII: with fewer broken ones it is UTF-8 that was hurt
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What a language is written with where it is not UTF-8; the first is taken where several would do.
USUAL = {
    "ja": ("cp932", "euc_jp", "iso2022_jp"),
    "zh": ("gb18030", "big5"),
    "ko": ("cp949",),
    "ru": ("cp1251", "koi8_r", "cp866"),
    "uk": ("cp1251", "koi8_u"),
    "bg": ("cp1251",),
    "mk": ("cp1251",),
    "be": ("cp1251",),
    "el": ("cp1253",),
    "he": ("cp1255",),
    "ar": ("cp1256",),
    "fa": ("cp1256",),
    "th": ("cp874",),
}
# Python's names for the encodings that hold more than the ones detected, and otherwise the same.
WIDER = {"shift_jis": "cp932", "euc_kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs",
         "latin_1": "cp1252", "iso8859_1": "cp1252", "cp1125": "cp866"}  # fmt: skip
# Like a common one but for the capitals, and hardly ever met in subtitles.
RARE = [
    "mac_cyrillic",
    "mac_greek",
    "mac_latin2",
    "mac_turkish",
    "mac_iceland",
    "hp_roman8",
    "kz1048",
    "ptcp154",
]
# Letters beyond ASCII of languages in Latin script, by the encoding these are written with. Which one a text
# is in shows only by whether its letters are those of one language.
LATIN = {
    "cp1252": {
        "fr": "àâæçèéêëîïôœùûüÿ",
        "de": "äöüß",
        "es": "áéíñóúü",
        "pt": "ãâêôàçõáéíóúü",
        "it": "àèéìòùî",
        "sv": "äöåé",
        "da": "æøåé",
        "no": "æøåéòô",
        "fi": "äöå",
        "is": "áéíóúýþðæö",
        "nl": "ëéïöüèó",
        "ca": "àèéíïòóúüç",
    },
    "cp1250": {
        "pl": "ąćęłńóśźż",
        "cs": "áčďéěíňóřšťúůýž",
        "sk": "áäčďéíĺľňóôŕšťúýž",
        "hu": "áéíóöőúüű",
        "ro": "ăâîşţ",
        "hr": "čćđšž",
        "sl": "čšž",
        "sr": "čćđšž",
    },
    "iso8859_2": {
        "pl": "ąćęłńóśźż",
        "cs": "áčďéěíňóřšťúůýž",
        "sk": "áäčďéíľňóôšťúýž",
        "sl": "čšž",
        "hr": "čćđšž",
    },
    "cp1254": {"tr": "çğıöşüâî"},
    "cp1257": {"lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "et": "äõöüšž"},
    "mac_roman": {"fr": "àâæçèéêëîïôœùûüÿ", "de": "äöüß", "es": "áéíñóúü", "it": "àèéìòù"},
    "cp850": {"fr": "àâçèéêëîïôùûü", "de": "äöüß", "es": "áéíñóúü"},
}
LATIN_SIGNS = frozenset("¿¡«»‘’‚“”„–—…·°ºª€£§©®™´`♪ ‹›•×")
# In Latin script letters beyond ASCII stand alone among others; elsewhere they follow one another.
ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
BEYOND = re.compile(rb"[\x80-\xff]")
ASCII_LETTER = re.compile(rb"[A-Za-z]")
SCAFFOLD = re.compile(rb"^[\d\s:.,>-]*$|^(?:\[|Style:|Format:|WEBVTT|NOTE).*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """A text, what it was written with, and what was lost."""

    text: str
    encoding: str
    note: str | None = None


def decode(content: bytes, language: str | None = None) -> Decoded | None:
    """The text of a subtitle file; None where it is none (binary, or text of no known encoding).

    A byte order mark is believed, then UTF-8 where it is valid or nearly so; what `language` (ISO 639-1, by
    the file's name) is usually written with comes before what charset-normalizer finds.
    """
    marked = next((name for mark, name in MARKS if content.startswith(mark)), None) or _wide(content)
    if marked is not None:
        return _read(content, marked)
    if b"\x00" in content.rstrip(b"\x00"):
        return None
    if b"\x1b$" in content and not BEYOND.search(content):  # shifts between ASCII and Japanese
        return _read(content, "iso2022_jp_2")
    return _utf8(content) or _older(content, language)


def _wide(content: bytes) -> str | None:
    """UTF-16 without a mark: the signs of times are ASCII, so every other byte near them is zero."""
    head = content[:2048]
    zeros_even, zeros_odd = head[::2].count(0), head[1::2].count(0)
    enough = len(head) // 10
    if zeros_odd > enough and zeros_even * 4 < zeros_odd:
        return "utf-16-le"
    return "utf-16-be" if zeros_even > enough and zeros_odd * 4 < zeros_even else None


def _utf8(content: bytes) -> Decoded | None:
    try:
        return Decoded(text=content.decode("utf-8-sig"), encoding="utf-8")
    except UnicodeDecodeError:
        pass
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    beyond = sum(character > "\x7f" for character in text)
    if broken > max(1, BROKEN_SHARE * beyond) or beyond <= 2 * broken:
        return None
    return Decoded(text=text, encoding="utf-8", note=_lost(broken))


def _older(content: bytes, language: str | None) -> Decoded | None:
    sample = SCAFFOLD.sub(b"", content[:SAMPLE_BYTES])
    if language in USUAL:
        usual = [name for name in USUAL[language] if _fits(sample, name)]
        best = charset_normalizer.from_bytes(sample, cp_isolation=usual).best() if len(usual) > 1 else None
        if usual:
            return _read(content, best.encoding if best is not None else usual[0])
    if language in USUAL or not _is_latin(sample):
        best = charset_normalizer.from_bytes(content[:SAMPLE_BYTES], cp_exclusion=RARE).best()
        if best is None:
            return None
        if not _mostly_latin(str(best)):
            return _read(content, best.encoding)
    return _read(content, _latin(sample, language))


def _fits(sample: bytes, encoding: str) -> bool:
    """Whether nearly all of a sample can be read so; it may end within a character."""
    text = sample.decode(encoding, "replace")
    return text.count("\ufffd") <= max(1, len(text) // 1000)


def _is_latin(sample: bytes) -> bool:
    beyond = len(BEYOND.findall(sample))
    alone = len(ALONE.findall(sample))
    return alone * 10 >= beyond * 6 and beyond * 3 <= len(ASCII_LETTER.findall(sample))


def _mostly_latin(text: str) -> bool:
    letters = [character for character in text if character.isalpha() and character > "\x7f"]
    return bool(letters) and 2 * sum(character < "\u0250" for character in letters) > len(letters)


def _latin(sample: bytes, language: str | None) -> str:
    """The encoding in which the letters are those of one language, and the most of them."""
    scores: dict[str, float] = {}
    for encoding, alphabets in LATIN.items():
        text = sample.decode(encoding, "replace").casefold()
        beyond = [character for character in text if character > "\x7f"]
        likely = [alphabets[language]] if language in alphabets else alphabets.values()
        scores[encoding] = max(
            sum(character in alphabet or character in LATIN_SIGNS for character in beyond)
            for alphabet in likely
        )
    return max(scores, key=scores.__getitem__)


def _read(content: bytes, encoding: str) -> Decoded:
    wider = WIDER.get(encoding, encoding)
    text = content.decode(wider, "replace").removeprefix("\ufeff")
    return Decoded(text=text, encoding=wider, note=_lost(text.count("\ufffd")))


def _lost(count: int) -> str | None:
    return f"{count} characters cannot be read" if count else None
