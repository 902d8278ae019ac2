"""Recognisers of writing in alphabets that the one in RapidOCR's package does not read."""

from __future__ import annotations

from collections.abc import Iterable

from heimdex.encoders.row import ModelRow
from heimdex.errors import NotFound

REPOSITORY = "monkt/paddleocr-onnx"  # PaddlePaddle's weights, exported to ONNX
REVISION = "7b02d0a30a07ba2b92ad1ff5a8941ae2c633de65"  # pinned in eight public projects and more
SHIPPED = frozenset(
    "latin chinese japanese en de fr es pt it nl pl cs sk sl hr bs hu ro sv da no fi et lv lt tr id zh "
    "ja".split()
)
"""Alphabets and languages that need no model of their own."""


def _row(
    alphabet: str, script: str, languages: tuple[str, ...], pretrained: str, folder: str, size_bytes: int
) -> ModelRow:
    """A row; sizes (of graph and dictionary) as public projects state them, some in one place only."""
    place = f"languages/{folder}"
    return ModelRow(
        name=f"writing-{alphabet}",
        family="writing",
        pretrained=pretrained,
        precision="fp32",
        licence="Apache-2.0",
        task=f"reading writing in {alphabet.capitalize()} letters",
        aliases=(f"{REPOSITORY}/{place}",),
        repository=REPOSITORY,
        revision=REVISION,
        files=(f"{place}/rec.onnx", f"{place}/dict.txt"),
        size_bytes=size_bytes,
        script=script,
        languages=(alphabet, *languages),
    )


WRITING: tuple[ModelRow, ...] = (
    _row("korean", "Hang", ("ko",), "korean_PP-OCRv5_mobile_rec", "korean", 13_401_252 + 47_451),
    _row(
        "cyrillic", "Cyrl", ("ru", "uk", "be", "bg"), "eslav_PP-OCRv5_mobile_rec", "eslav", 7_870_092 + 1_663
    ),
    _row("greek", "Grek", ("el",), "el_PP-OCRv5_mobile_rec", "greek", 7_791_200 + 1_103),
    _row("thai", "Thai", ("th",), "th_PP-OCRv5_mobile_rec", "thai", 7_873_480 + 1_767),
    _row("arabic", "Arab", ("ar", "fa", "ur"), "arabic_PP-OCRv3_mobile_rec", "arabic", 8_978_664 + 405),
    _row(
        "devanagari",
        "Deva",
        ("hi", "mr", "ne", "sa"),
        "devanagari_PP-OCRv3_mobile_rec",
        "hindi",
        8_980_224 + 508,
    ),
    _row("tamil", "Taml", ("ta",), "ta_PP-OCRv3_mobile_rec", "tamil", 8_970_084 + 352),
    _row("telugu", "Telu", ("te",), "te_PP-OCRv3_mobile_rec", "telugu", 8_976_064 + 429),
)


def rows_of_languages(names: Iterable[str]) -> tuple[ModelRow, ...]:
    """The recognisers for some alphabets or languages (ISO 639-1), each once, in the catalog's order.

    What the shipped one reads anyway needs none. Raises NotFound naming what there is.
    """
    wanted = {name.strip().lower() for name in names if name.strip()} - SHIPPED
    known = {language: row for row in WRITING for language in row.languages}
    unknown = sorted(wanted - known.keys())
    if unknown:
        there = ", ".join(f"{row.languages[0]} ({' '.join(row.languages[1:])})" for row in WRITING)
        raise NotFound(f"Nothing reads writing in {unknown[0]!r}. There is: {there}.")
    return tuple(row for row in WRITING if wanted & set(row.languages))
