"""Which recognisers read writing in a run, described without loading them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from heimdex.encoders import catalog
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.errors import ModelError, ModelUnavailable
from heimdex.extractors.alphabets import Alphabet
from heimdex.extractors.rapid_ocr import NAME, fingerprint
from heimdex.pipeline.tools import WritingOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Readers:
    """The shipped recogniser and the further ones that are installed. Other readers, other lines."""

    name: str = NAME  # in the table of models
    weights_sha256: str = ""
    alphabets: tuple[Alphabet, ...] = ()
    lacking: tuple[str, ...] = ()  # why alphabets that were asked for are not read


def describe(options: WritingOptions) -> Readers:
    """The readers that the settings name; alphabets that are not installed are told and left out.

    Raises ModelUnavailable where RapidOCR is not installed, NotFound for an unknown name.
    """
    sums = [fingerprint()]
    alphabets: list[Alphabet] = []
    lacking: list[str] = []
    for name in options.alphabets:
        row = catalog.find(name, options.load.models_dir)
        if row.family != "writing":
            raise ModelUnavailable(f"The model {row.name} is for {row.task}, not for reading writing.")
        try:
            sums.append(f"{row.name} {catalog.fingerprint(row, options.load)}")
        except ModelError as error:
            lacking.append(str(error))
        else:
            alphabets.append(_alphabet(row, options.load))
    names = [NAME, *(alphabet.name for alphabet in alphabets)]
    whole = hashlib.sha256("\n".join(sums).encode()).hexdigest() if alphabets else sums[0]
    return Readers(
        name="+".join(names), weights_sha256=whole, alphabets=tuple(alphabets), lacking=tuple(lacking)
    )


def _alphabet(row: ModelRow, load: LoadOptions) -> Alphabet:
    graph, dictionary = row.files
    return Alphabet(
        name=row.name,
        script=row.script,
        folder=catalog.folder(row, load),
        graph=graph,
        dictionary=dictionary,
        memo_dir=load.cache_dir / "verified" if load.cache_dir else None,
    )
