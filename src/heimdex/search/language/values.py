"""The filters of the query language: each name, and what its value means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from heimdex.entities import Kind, Moves
from heimdex.errors import QueryError
from heimdex.search.language import dates

E = TypeVar("E", bound=StrEnum)
LONGEST_US = 1_000 * 3_600 * 1_000_000
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(s|sec|m|min|h)?", re.IGNORECASE)
_UNIT_US = {"s": 1_000_000, "sec": 1_000_000, "m": 60_000_000, "min": 60_000_000, "h": 3_600_000_000}
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How values are read: what `in:` makes of a folder, and what time it is."""

    folder: Callable[[str], str]
    now: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Narrowing:
    """One filter: the field of Filters it sets, and how its value is read. Reading raises QueryError."""

    sets: str
    read: Callable[[str, Reading], Any]


def _kind(value: str, _: Reading) -> Kind:
    return _chosen(Kind, "kind", value)


def _moves(value: str, _: Reading) -> Moves:
    return _chosen(Moves, "motion", value)


def _chosen(choices: type[E], name: str, value: str) -> E:
    try:
        return choices(value.lower())
    except ValueError:
        raise QueryError(f"{name}: is one of {', '.join(choices)}, not {value!r}") from None


def _length_us(value: str, _: Reading) -> int:
    found = _LENGTH.fullmatch(value)
    length_us = 0 if found is None else round(float(found[1]) * _UNIT_US[(found[2] or "s").lower()])
    if not 0 < length_us <= LONGEST_US:
        raise QueryError(f"longer: takes a length such as 10s, 2m or 1.5h, not {value!r}")
    return length_us


def _language(value: str, _: Reading) -> str:
    if not _LANGUAGE.fullmatch(value.lower()):
        raise QueryError(f"lang: takes a language's code such as en, de or ja, not {value!r}")
    return value.lower()


def _folder(value: str, reading: Reading) -> str:
    if "\0" in value:
        raise QueryError("in: takes a folder or a file")
    return reading.folder(value)


NARROWINGS = {
    "kind": Narrowing(sets="kind", read=_kind),
    "in": Narrowing(sets="within", read=_folder),
    # `before:2024` ends before 2024 begins, `after:2024` begins after 2024 ends; the other two include it.
    "before": Narrowing(sets="until", read=lambda value, reading: dates.since(value, reading.now)),
    "after": Narrowing(sets="since", read=lambda value, reading: dates.until(value, reading.now)),
    "since": Narrowing(sets="since", read=lambda value, reading: dates.since(value, reading.now)),
    "until": Narrowing(sets="until", read=lambda value, reading: dates.until(value, reading.now)),
    "longer": Narrowing(sets="longer_us", read=_length_us),
    "lang": Narrowing(sets="language", read=_language),
    "motion": Narrowing(sets="motion", read=_moves),
}
