"""Text from outside: what PostgreSQL and the tokenizers can hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

LONGEST_TEXT = 2_000


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("text holds neither NUL nor lone surrogates")
    return text


Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT), AfterValidator(_storable)]
Id = Annotated[str, StringConstraints(max_length=64), AfterValidator(_storable)]
