"""Texts made the way a model's own tokenizer wants them before it cuts them."""

from __future__ import annotations

import html
import string

from heimdex.errors import ModelUnavailable

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def clean_for_clip(text: str) -> str:
    """What CLIP's tokenizer does first: mend the encoding, undo HTML's entities twice, one space, lower case.

    The source is `basic_clean`, `whitespace_clean` and `_clean_lower` of open_clip's tokenizer.py, which has
    them from OpenAI's.
    """
    return " ".join(_mended(text).split()).lower()


def clean_for_xlm(text: str) -> str:
    """What OpenCLIP does for its multilingual towers: the same, capitals kept (`_clean_whitespace`)."""
    return " ".join(_mended(text).split())


def clean_for_siglip(text: str) -> str:
    """What SigLIP's does: no punctuation (ASCII's), lower case, one space between words.

    The source is `canonicalize_text` of big_vision, as open_clip's tokenizer.py has it, after the same
    mending as CLIP's.
    """
    return " ".join(_mended(text).replace("_", " ").translate(_NO_PUNCTUATION).lower().split())


def clean_for_siglip2(text: str) -> str:
    """What SigLIP 2's does: lower case, letter by letter; the rest is left to the vocabulary.

    The source is transformers' Siglip2Tokenizer. (OpenCLIP takes punctuation out here too; the model learnt
    from texts that had it.)
    """
    return "".join(letter.lower() for letter in text)


def _mended(text: str) -> str:
    # Plain ASCII needs no mending, so a search in English does not wait for ftfy to be loaded.
    if not _is_plain(text):
        text = _ftfy(text)
    return html.unescape(html.unescape(text)).strip()


def _is_plain(text: str) -> bool:
    return text.isascii() and "&" not in text and all(c.isprintable() or c in "\t\n" for c in text)


def _ftfy(text: str) -> str:
    try:
        import ftfy
    except ImportError as err:
        raise ModelUnavailable(f"ftfy cannot be loaded ({err}). Reinstall Heimdex.") from err
    return str(ftfy.fix_text(text))
