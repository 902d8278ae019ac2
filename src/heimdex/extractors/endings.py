"""Where punctuation ends a sentence, and where it does not: abbreviations, initials, decimals, ordinals."""

from __future__ import annotations

import re

_CLOSERS = r"[\"'”’»›)\]}」』】）〉》]*"
_ENDING = re.compile(rf"(?P<mark>[.!?…。！？｡．؟۔।॥։።၊။᠃⸮]+){_CLOSERS}\s*$")
_WIDE = re.compile(rf"[。！？｡．]{_CLOSERS}\s*$")
CLAUSE_END = re.compile(rf"[,;:،؛、，；：–—]{_CLOSERS}\s*$")

_INITIALS = re.compile(r"^(?:[^\W\d_]\.)+$")  # "J.", "e.g.", "U.S."
_ORDINAL = re.compile(r"^\d{1,2}\.$")
_ORDINAL_LANGUAGES = frozenset("bs cs da de et fi hr hu is lt lv nb nn no pl sk sl sr tr".split())

# Abbreviations that stand before something, by language and for all; without their full stop, in lower case.
_COMMON = frozenset("vs etc cf ca approx dept est fig jr sr st vol inc ltd co corp art mt ft".split())
_TITLES = {
    "en": "mr mrs ms dr prof rev hon gov sen rep gen col lt sgt capt cmdr messrs no pp ave blvd rd".split(),
    "de": "hr fr dr prof dipl ing bzw usw ggf evtl vgl nr str bsp inkl exkl zzgl mio mrd jh geb hl".split(),
    "fr": "m mm mme mlle dr pr me st ste av bd env min max ex p".split(),
    "es": "sr sra srta dr dra ud uds av avda núm pág prof lic ing".split(),
    "it": "sig sigra dott prof ing avv on ecc pag num".split(),
    "pt": "sr sra dr dra prof av exmo núm pág".split(),
    "nl": "dhr mevr mw drs ir mr prof bijv enz nr blz".split(),
    "ru": "г гг ул д др им тыс млн млрд руб см стр".split(),
}
_ALL_TITLES = frozenset(word for words in _TITLES.values() for word in words if len(word) > 1)
# At the end of a sentence as often as not: what follows decides.
_EITHER = frozenset("etc jr sr inc ltd co corp usw ecc enz st no ave blvd rd др".split())


def has_ending(text: str) -> bool:
    """Whether a word carries a mark that can end a sentence."""
    return _ENDING.search(text) is not None


def ends_sentence(word: str, following: str, language: str | None) -> bool:
    """Whether a sentence ends between two neighbouring words, by their texts alone."""
    found = _ENDING.search(word)
    if found is None:
        return False
    if _WIDE.search(word):
        return True
    first = next((letter for letter in following if letter.isalnum()), "")
    if first.islower():  # "“Really?” he said", "approx. ten": it goes on
        return False
    if set(found["mark"]) != {"."}:
        return True
    return not _is_abbreviation(word.strip().lstrip("\"'“‘«‹([{"), first, language)


def _is_abbreviation(word: str, first: str, language: str | None) -> bool:
    """Whether a word keeps its full stop wherever it stands; `first` is what the next begins with."""
    stem = word.rstrip("\"'”’»›)]}").removesuffix(".").lower()
    if word.endswith("..") or not stem:
        return False
    if _ORDINAL.match(word):
        return first.isdigit() or language in _ORDINAL_LANGUAGES
    if _INITIALS.match(word):
        return word != "I." and (word.count(".") == 1 or word.lower() in ("e.g.", "i.e.", "z.b.", "d.h."))
    titles = _ALL_TITLES if language is None else frozenset(_TITLES.get(language, ()))
    if stem in _EITHER:
        return first.isdigit()
    return stem in titles or stem in _COMMON
